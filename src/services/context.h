#pragma once
// What handlers work with. Each service takes this one argument; nothing here is global.
#include <atomic>
#include <set>
#include <string>

#include "blobs/store.h"
#include "core/core.h"
#include "core/timetable.h"
#include "images/client_mount.h"
#include "images/mount_tree.h"
#include "logs/log_store.h"
#include "rpc/loop.h"
#include "rpc/table.h"
#include "services/access.h"
#include "services/auth_tokens.h"
#include "services/data_limits.h"
#include "services/function_limits.h"
#include "services/identity.h"
#include "services/shared_mounts.h"
#include "services/sign_ins.h"
#include "store/history.h"
#include "store/keep_deleted.h"
#include "store/store.h"
#include "worker/cdi.h"
#include "worker/execs.h"

namespace ionian::services {

// The state of handlers that wait for other programs (a download, a build): they have threads of
// their own.
struct Slow {};

struct Context {
  const Clock& clock;
  const Clock& wall;  // what the machine shows, also after it was set: for schedules
  Random& random;     // unpredictable, thread-safe
  store::Store& store;
  KeyFile& key;
  Identity& identity;
  AccessRules& access;
  SignIns& sign_ins;
  AuthTokens& auth_tokens;
  core::Core& core;            // on the core loop's thread only
  core::Timetable& timetable;  // on the core loop's thread only
  rpc::Loop& core_loop;
  rpc::Loop& log_loop;   // owns the LogStore
  logs::LogStore& logs;  // on the log loop's thread only
  blobs::BlobStore& blobs;
  images::ClientMounts& client_mounts;
  images::MountTrees& mount_trees;
  worker::Execs& execs;
  std::string public_url;  // of the HTTP gateway, for links that people follow
  DataLimits data_limits = {};
  FunctionLimits function_limits = {};
  store::HistoryLimits history_limits = {};
  Duration dict_entry_life = 7 * 24h;        // since the last use; 0 = for ever
  std::set<std::string> dicts_kept_in = {};  // environments by name where entries stay for ever
  store::KeepDeleted keep_deleted = {};
  std::vector<worker::CdiDevice> devices = {};  // the machine's GPUs
  bool http_is_wildcard = false;  // it listens on 0.0.0.0, so clients know it by names of their own
  std::string server_url = {};    // of the API
  bool server_is_wildcard = false;
  // Of replies that were written down since somebody looked how many there are.
  std::atomic<std::uint64_t> unseen_reply_bytes = 0;
  // Of output that is on its way to the log store.
  mutable std::atomic<std::uint64_t> log_bytes = 0;
  SharedMounts shared_mounts = {};

  // `own`, or, if that is a wildcard's, the same at the host that the client knows.
  static std::string url_for(const rpc::RequestHeaders& client, const std::string& own,
                             bool wildcard);

  // Users, tokens, roles or environments have changed: nothing remembered of them holds any more.
  void forget_identities() const;
  // Writes an entry of the audit log with the change that it tells of.
  void audit(store::Tx& tx, const rpc::Call& call, std::string_view action, std::string_view target,
             std::string_view detail = "") const;

  // Appends to a log stream from any thread, and wakes its readers.
  void log(const std::string& stream, modal::client::TaskLogsBatch batch) const;
  void end_log(const std::string& stream) const;
  // So much is on its way that containers shall wait with theirs.
  bool output_waits() const { return log_bytes > kLogBytesMax; }
  static constexpr std::uint64_t kLogBytesMax = 64 << 20;
};

}  // namespace ionian::services
