#include "cli/admin.h"

namespace ionian::cli {

void add_admin(Command app) {
  Command admin = app.add_subcommand(
      "admin", "What the owner of a data folder does, on the server's own machine");
  admin.require_subcommand();
  add_admin_token(admin);
  add_admin_workspace(admin);
  add_admin_people(admin);
  add_admin_audit(admin);
  add_admin_backup(admin);
  add_admin_status(admin);
  add_admin_volumes(admin);
  add_admin_undelete(admin);
}

}  // namespace ionian::cli
