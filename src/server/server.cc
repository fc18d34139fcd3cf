#include "server/server.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/core_files.h"
#include "base/file.h"
#include "base/log.h"
#include "server/parts.h"

namespace ionian::server {
namespace {

// Blocked in every thread, so that only the one that waits for them gets them.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

// Containers' connections get file numbers of their own, high above the rest (rpc/fd_numbers.h).
Result<void> raise_file_limit() {
  rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max >= kFilesMax) return {};
  return fail(Code::kFailedPrecondition, "the server may open ", limit.rlim_max,
              " files at a time and needs ", kFilesMax, ". Raise the hard limit: ulimit -Hn ",
              kFilesMax, ", LimitNOFILE= of a service, --ulimit nofile= of a container");
}

bool is_loopback(const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  return host.starts_with("127.") || host == "localhost" || host == "[::1]" || host == "::1";
}

// Tokens and code in the clear are for the machine itself.
Result<void> check_addresses(const ServeOptions& options) {
  if (options.tls_certificate.empty() != options.tls_key.empty())
    return fail(Code::kInvalidArgument, "--tls-cert and --tls-key belong together");
  for (const std::string* address : {&options.grpc, &options.http}) {
    if (is_loopback(*address) || !options.tls_certificate.empty() || options.insecure_public)
      continue;
    return fail(Code::kFailedPrecondition, *address,
                " is reachable from other machines, and nothing would be encrypted. Give "
                "--tls-cert and --tls-key, put a "
                "proxy with TLS in front of a loopback address, or say --insecure-public if the "
                "network is yours alone");
  }
  return {};
}

// Of what can run out while the server starts, the disk is what somebody can mend.
void name_full_disk(const ServeOptions& options, Status& status) {
  constexpr std::uintmax_t kRoom = 16 << 20;
  std::error_code error;
  const auto disk = std::filesystem::space(options.data, error);
  if (!error && disk.available < kRoom)
    cat_to(status.message, ". Make room on the disk of ", options.data,
           ", or choose another folder with --data");
}

// Whatever it was that failed for it.
void name_unwritable_folder(const ServeOptions& options, Status& status) {
  if (::access(cat(options.data, "/.").c_str(), W_OK | X_OK) != 0)
    cat_to(status.message, ". Choose a folder that this user may write to with --data");
}

Result<void> say_ready(const ServeOptions& options, Parts& parts) {
  log::info("serving ", options.data, " at ", parts.facts().grpc_url, " (gRPC) and ",
            options.public_url.empty() ? parts.facts().http_url : options.public_url, " (HTTP)");
  if (!parts.facts().network_warning.empty()) log::warning(parts.facts().network_warning);
  if (const std::string link = parts.owner_link(); !link.empty())
    log::info("make the owner account (link works once, 60 minutes): ", link);
  if (options.ready_file.empty()) return {};
  const nlohmann::json ready = {{"grpc_url", parts.facts().grpc_url},
                                {"http_url", parts.facts().http_url},
                                {"pid", ::getpid()}};
  return write_file_durably(options.ready_file, ready.dump() + "\n", 0644);
}

}  // namespace

Result<void> serve(const ServeOptions& options) {
  log::configure(options.debug ? log::Level::kDebug : log::Level::kInfo,
                 options.json_logs ? log::Form::kJson : log::Form::kText);
  TRY(check_addresses(options));
  // Layers and mounts must be readable by the ids of containers.
  ::umask(022);
  TRY(raise_file_limit());
  forbid_core_files();
  const sigset_t signals = block_signals();
  ::signal(SIGPIPE, SIG_IGN);
  Result<std::unique_ptr<Parts>> made = Parts::make(options);
  if (!made && made.error().code == Code::kResourceExhausted) name_full_disk(options, made.error());
  if (!made) name_unwritable_folder(options, made.error());
  ASSIGN_OR_RETURN(std::unique_ptr<Parts> parts, std::move(made));
  TRY(say_ready(options, *parts));
  int which = 0;
  sigwait(&signals, &which);
  log::info("stopping: ", which == SIGTERM ? "SIGTERM" : "SIGINT");
  // From here on a second signal has its ordinary effect.
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  parts->stop();
  return {};
}

}  // namespace ionian::server
