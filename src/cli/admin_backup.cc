#include <sys/stat.h>
#include <unistd.h>

#include <iostream>

#include "base/names_in.h"
#include "cli/admin.h"
#include "cli/pages.h"
#include "images/pack.h"
#include "services/admin.pb.h"

namespace ionian::cli {
namespace {

struct Options : AdminOptions {
  std::string file;
  bool with_key = false;
};

// What a data folder needs to go on elsewhere. Downloads, sockets and running containers are left
// out.
std::vector<images::PackItem> items_of(const Options& options, const std::string& records) {
  std::vector<images::PackItem> items = {{records, "ionian.db"}};
  for (const char* name : {"blobs", "layers", "bases", "mounts", "volumes/contents", "logs"}) {
    const std::string path = cat(options.data, "/", name);
    struct stat about;
    if (::stat(path.c_str(), &about) == 0) items.push_back({path, name});
  }
  // Hidden is what only comes in.
  for (const std::string& id : names_in(options.data + "/shared"))
    items.push_back({cat(options.data, "/shared/", id), "shared/" + id});
  if (options.with_key) items.push_back({options.data + "/secret.key", "secret.key"});
  return items;
}

void backup(const Options& options) {
  const auto reply = ask_server<BackupResponse>(options, "Backup", BackupRequest(), 1h);
  const Result<std::uint64_t> packed =
      images::pack(options.file, items_of(options, reply.records()));
  ::unlink(reply.records().c_str());
  if (!packed) die(packed.error().message);
  if (options.json)
    std::cout
        << Json{{"file", options.file}, {"bytes", *packed}, {"with_key", options.with_key}}.dump()
        << "\n";
  else
    print_done(cat("Wrote ", options.file, ", of ", *packed, " bytes",
                   options.with_key ? ""
                                    : ". Keep secret.key of the data folder apart from it: without "
                                      "that file nobody can use it"));
}

}  // namespace

void add_admin_backup(Command admin) {
  const auto options = std::make_shared<Options>();
  Command command = admin.add_subcommand(
      "backup", "Write all that a server keeps into one file, while it serves");
  command.add_option("FILE", options->file, "Where to (tar, zstd)").required();
  command.add_flag("--with-key", options->with_key,
                   "Put the key file in too: whoever has the backup has every secret then");
  finish_admin(command, kAdminBackupPage, options, backup);
}

}  // namespace ionian::cli
