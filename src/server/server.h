#pragma once
// `ionian serve`: constructs the parts, wires them, runs until told to stop. No logic of its own.
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "core/core.h"
#include "services/data_limits.h"
#include "services/function_limits.h"
#include "store/keep_deleted.h"
#include "volumes/tree.h"

namespace ionian::server {

// Numbers of open files: up to kOtherFiles of anything, then those of containers' connections.
inline constexpr int kOtherFiles = 10'000, kFilesMax = 19'000;

struct ServeOptions {
  std::string data;
  std::string grpc = "127.0.0.1:8713";
  std::string http = "127.0.0.1:8714";
  std::string tls_certificate,
      tls_key;             // PEM files, read again when they change; both listeners speak TLS then
  std::string public_url;  // by which browsers come here, "" = the address of --http
  std::string server_url;  // by which clients come here, "" = the address of --grpc
  std::string ready_file;
  std::string cache;  // downloads shared by data folders; "" = $IONIAN_CACHE, else ~/.cache/ionian
  std::vector<std::string> allow_hosts;
  // Folders of files that describe the machine's GPUs.
  std::vector<std::string> cdi_dirs = {"/etc/cdi", "/var/run/cdi"};
  // What a container may write where its function does not say; 0 = no bound.
  std::uint64_t ephemeral_disk_mib = 32 << 10;
  std::uint64_t build_disk_mib = 64 << 10;  // what a step of a build may write; 0 = no bound
  // What it may take of the memory; half of the machine's, at least 2048, if not said; 0 = no
  // bound.
  std::optional<std::uint64_t> build_memory_mib;
  // For interpreters that wait for tasks; a tenth of the machine's, at most 2048, if not said.
  std::optional<std::uint64_t> standby_mib;
  bool no_host_settings = false;  // builds take nothing from the host
  bool no_zygotes = false;        // each interpreter loads the runtime for itself
  core::Limits limits;
  std::uint64_t call_memory_mib = 1024;  // requests that are worked on, and replies on their way
  unsigned drain_seconds = 10;           // that running inputs get at the server's end
  services::DataLimits data_limits;
  services::FunctionLimits function_limits;
  Duration logs_kept = 35 * 24h;           // as far back as clients ask
  std::uint64_t log_mib = 1024;            // of an app or a build; its oldest output goes first
  Duration dict_entry_life = 7 * 24h;      // since the last use; 0 = for ever
  std::vector<std::string> dicts_kept_in;  // environments where entries of dicts stay for ever
  store::KeepDeleted keep_deleted;
  std::uint64_t purge_deleted_below_mib = 1024;  // of free disk space; then they go earlier
  volumes::Limits volume_limits;
  std::uint64_t volume_check_mib = 16;  // read a second to prove them; 0 = none
  // Of what containers write to volumes, without being asked; 0 = never.
  Duration volume_commit_interval = 10s;
  bool insecure_public = false;  // listen beyond loopback although nothing is encrypted
  std::string owner_email;       // with a password: makes the owner's account at the first start
  std::string owner_password;
  bool json_logs = false;
  bool debug = false;
};

// Returns when SIGTERM or SIGINT has ended it (a second one ends it at once), or with what keeps it
// from starting.
Result<void> serve(const ServeOptions& options);

}  // namespace ionian::server
