#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/pages.h"
#include "server/server.h"

namespace ionian::cli {

namespace {

using Options = std::shared_ptr<server::ServeOptions>;

void add_addresses(Command command, const Options& options) {
  command.add_option("--data", options->data, "Folder for everything the server keeps").required();
  command.add_option("--grpc", options->grpc, "Address for clients; port 0 takes a free one")
      .show_default();
  command.add_option("--http", options->http, "Address for blobs and pages").show_default();
  command.add_option("--tls-cert", options->tls_certificate,
                     "Certificate chain (PEM) for both addresses; read again when it changes");
  command.add_option("--tls-key", options->tls_key, "Its private key (PEM)");
  command.add_option("--server-url", options->server_url,
                     "Address by which clients reach --grpc, if it is another (https://…)");
  command.add_option("--public-url", options->public_url,
                     "Address by which browsers reach --http, if it is another (https://…)");
  command.add_option("--ready-file", options->ready_file,
                     "Write {grpc_url, http_url, pid} here once it serves");
  command.add_option("--cache", options->cache,
                     "Folder for downloads (default $IONIAN_CACHE, else ~/.cache/ionian)");
  command.add_flag("--insecure-public", options->insecure_public,
                   "Listen beyond loopback without encryption");
}

// What containers get of the machine.
void add_machine(Command command, const Options& options) {
  command.add_option("--allow-host", options->allow_hosts,
                     "ADDR:PORT of this host that containers may reach");
  command.add_option("--cdi-dir", options->cdi_dirs,
                     "folders of CDI files, which describe the machine's GPUs");
  command
      .add_option("--ephemeral-disk", options->ephemeral_disk_mib,
                  "MiB that a container may write if its function does not say ephemeral_disk; 0 "
                  "= no bound")
      .show_default()
      .range(0, 1 << 24);
  command
      .add_option("--build-disk", options->build_disk_mib,
                  "MiB that a step of an image's build may write; 0 = no bound")
      .show_default()
      .range(0, 1 << 24);
  command
      .add_option("--build-memory", options->build_memory_mib,
                  "MiB of memory that a step of an image's build may take; half of the machine's, "
                  "at least 2048, if not said; 0 = no bound")
      .range(0, 1 << 24);
  command
      .add_option("--standby-memory", options->standby_mib,
                  "MiB for interpreters that wait for tasks (about 64 each); a tenth of the "
                  "machine's, at most 2048, if not said; 0 = none")
      .range(0, 1 << 24);
  command.add_flag("--no-host-settings", options->no_host_settings,
                   "builds take no mirror, proxy or CA bundle from this host");
  command.add_flag(
      "--no-zygotes", options->no_zygotes,
      "start each of them by itself, not as a copy of one that has loaded the runtime");
}

void add_bounds_of_inputs(Command command, const Options& options) {
  core::Limits& limits = options->limits;
  command.add_option("--containers", limits.tasks_max, "Containers of functions at a time")
      .show_default()
      .range(1, 10'000);
  command
      .add_option("--call-memory", options->call_memory_mib,
                  "MiB that requests and replies of calls under way may take")
      .show_default()
      .range(128, 1 << 20);
  command
      .add_option("--pending-inputs", limits.pending_max,
                  "Inputs of a function that wait for a container, spawned ones apart")
      .show_default()
      .range(100, 1'000'000);
  command
      .add_option("--function-inputs", limits.awaited_max,
                  "Inputs of a function that wait or run, spawned ones apart")
      .show_default()
      .range(100, 1'000'000);
  command
      .add_option("--spawned-inputs", limits.spawned_max,
                  "Spawned inputs of a function that are not done")
      .show_default()
      .range(100, 1'000'000);
  command
      .add_option("--drain-seconds", options->drain_seconds,
                  "Seconds that running inputs get to end on SIGTERM")
      .show_default()
      .range(0, 86'400);
}

void add_bounds_of_functions(Command command, const Options& options) {
  services::FunctionLimits& limits = options->function_limits;
  command
      .add_option("--map-inputs", limits.map_inputs,
                  "Inputs of one map that its client has under way")
      .show_default()
      .range(1, 100'000);
  command
      .add_option("--timeout-max", limits.timeout_seconds,
                  "Seconds that a function's timeout and startup_timeout may be")
      .show_default()
      .range(1, 31'536'000);
  command
      .add_option("--ephemeral-disk-max", limits.disk_mib,
                  "MiB that a function's ephemeral_disk may be")
      .show_default()
      .range(16, 1 << 24);
  command
      .add_option(
          "--unattended-seconds",
          [options](unsigned seconds) {
            core::Limits& bounds = options->limits;
            bounds.unattended_call = seconds * 1s;
            bounds.look_for_unattended = std::clamp<Duration>(seconds * 250ms, 1s, 1min);
          },
          "Seconds after which a call that was not spawned and whose results nobody asks for is "
          "cancelled; 600 if not said")
      .range(2, 86'400);
  command
      .add_option(
          "--log-days", [options](unsigned days) { options->logs_kept = days * 24h; },
          "Days for which the output of containers and builds is kept; 35 if not said")
      .range(1, 3'650);
  command
      .add_option("--log-max", options->log_mib, "MiB of output that are kept of an app or a build")
      .show_default()
      .range(128, 1 << 24);
}

void add_bounds_of_data(Command command, const Options& options) {
  constexpr std::int64_t kEntriesMost = std::int64_t{1} << 40;
  command
      .add_option(
          "--dict-expiry-days", [options](unsigned days) { options->dict_entry_life = days * 24h; },
          "Days after its last use for which an entry of a dict stays; 7 if not said, 0 = for ever")
      .range(0, 36'500);
  command.add_option("--dict-no-expiry-in", options->dicts_kept_in,
                     "Name of an environment where entries of dicts stay for ever");
  command
      .add_option(
          "--undelete-days", [options](unsigned days) { options->keep_deleted.life = days * 24h; },
          "Days for which what was deleted can come back; 7 if not said, 0 = not at all")
      .range(0, 3'650);
  command.add_flag("--undelete-secrets", options->keep_deleted.secrets,
                   "Deleted secrets can come back too");
  command
      .add_option("--purge-deleted-below", options->purge_deleted_below_mib,
                  "MiB of free disk space under which what was deleted goes earlier; 0 = never")
      .show_default()
      .range(0, 1 << 24);
  command
      .add_option("--purge-deleted-kinds", options->keep_deleted.purged_early,
                  "The kinds that then go; volume and nfs if not said, for records give no room")
      .one_of({"volume", "nfs", "dict", "queue", "secret"});
  command
      .add_option("--volume-entries-max", options->volume_limits.entries,
                  "Files, folders and links that a volume may have; 1,000,000 if not said")
      .range(1, kEntriesMost);
  command
      .add_option("--volume-v1-entries-max", options->volume_limits.entries_v1,
                  "... and one of version 1; 500,000 if not said")
      .range(1, kEntriesMost);
  command
      .add_option("--volume-folder-max", options->volume_limits.folder_entries,
                  "... and one folder of a volume of version 2; 262,144 if not said")
      .range(1, kEntriesMost);
  command
      .add_option(
          "--volume-file-max",
          [options](std::uint64_t mib) { options->volume_limits.file_bytes = mib << 20; },
          "MiB that one file of a volume may have; 1,048,576 (1 TiB) if not said")
      .range(1, 1 << 24);
  command
      .add_option("--volume-check-rate", options->volume_check_mib,
                  "MiB of volumes a second that are read to prove them once a day; 0 = none")
      .show_default()
      .range(0, 1 << 20);
  command
      .add_option(
          "--volume-commit-seconds",
          [options](unsigned seconds) { options->volume_commit_interval = seconds * 1s; },
          "Seconds after which what containers write to volumes is committed unasked; 10 if not "
          "said, 0 = only at their end")
      .range(0, 86'400);
}

void add_bounds_of_queues(Command command, const Options& options) {
  services::DataLimits& limits = options->data_limits;
  command
      .add_option("--queue-items-max", limits.queue_items,
                  "Items that a partition of a queue holds")
      .show_default()
      .range(1, 10'000'000);
  command
      .add_option(
          "--queue-item-max", [&limits](std::size_t kib) { limits.queue_item_bytes = kib << 10; },
          "KiB that one item may have; 1,024 if not said")
      .range(1, 100 << 10);
  command
      .add_option(
          "--queue-partition-max",
          [&limits](std::size_t mib) { limits.queue_partition_bytes = mib << 20; },
          "MiB that a partition holds; 64 if not said")
      .range(1, 1 << 20);
  command
      .add_option("--queue-partitions-max", limits.queue_partitions,
                  "Partitions that a queue may have")
      .show_default()
      .range(1, 100'000'000);
  command
      .add_option(
          "--queue-partition-hours",
          [&limits](unsigned hours) { limits.queue_partition_life = hours * 1h; },
          "Hours after its last put for which a partition stays if the put does not say; 24 if not "
          "said")
      .range(1, 24 * 36'500);
  command
      .add_option("--queue-waiters-max", limits.queue_waiters,
                  "Calls that may wait for items of queues at a time")
      .show_default()
      .range(1, 10'000'000);
}

void add_bounds_of_other_data(Command command, const Options& options) {
  services::DataLimits& limits = options->data_limits;
  command.add_option("--dict-update-max", limits.dict_updates, "Entries of one update of a dict")
      .show_default()
      .range(1, 1'000'000);
  command
      .add_option(
          "--dict-value-max", [&limits](std::size_t mib) { limits.dict_value_bytes = mib << 20; },
          "MiB that a value of a dict may have; 100, the most, if not said")
      .range(1, 100);
  command
      .add_option(
          "--secret-max", [&limits](std::size_t kib) { limits.secret_bytes = kib << 10; },
          "KiB that the names and values of a secret may have together; 1,024 if not said")
      .range(1, 100 << 10);
  command
      .add_option("--function-buckets-max", limits.function_buckets,
                  "Cloud buckets that one function may mount")
      .show_default()
      .range(1, 64);
  command
      .add_option("--kept-replies-max", limits.kept_replies,
                  "Answers to puts and takes that are kept for ten minutes, for clients that ask "
                  "again")
      .show_default()
      .range(1'000, 10'000'000);
  command
      .add_option(
          "--kept-replies-disk",
          [&limits](std::int64_t mib) { limits.kept_reply_bytes = mib << 20; },
          "MiB of the disk that those answers may take; 1,024 if not said")
      .range(16, 1 << 20);
}

void run(server::ServeOptions& options, bool password_from_stdin) {
  if (password_from_stdin != !options.owner_email.empty())
    die("--owner-email and --owner-password-stdin belong together");
  if (password_from_stdin && !std::getline(std::cin, options.owner_password))
    die("no password came on stdin");
  if (options.ephemeral_disk_mib && options.ephemeral_disk_mib < 16)
    die("--ephemeral-disk: a bound is at least 16 MiB; 0 means none");
  // The folder may not be there yet.
  std::error_code error;
  const std::filesystem::path data = std::filesystem::absolute(options.data);
  const std::filesystem::path canonical = std::filesystem::weakly_canonical(data, error);
  options.data = (error ? data : canonical).string();
  if (Result<void> served = server::serve(options); !served) die(served.error().message);
}

}  // namespace

void add_serve(Command app) {
  const auto options = std::make_shared<server::ServeOptions>();
  Command command = app.add_subcommand("serve", "Run the server on this machine");
  command.footer(kServePage);
  add_addresses(command, options);
  command.add_option("--owner-email", options->owner_email,
                     "Make the owner's account at the first start; with --owner-password-stdin");
  auto password_from_stdin = std::make_shared<bool>(false);
  command.add_flag("--owner-password-stdin", *password_from_stdin,
                   "Read the owner's password, a line, from stdin");
  add_machine(command, options);
  add_bounds_of_inputs(command, options);
  add_bounds_of_functions(command, options);
  add_bounds_of_data(command, options);
  add_bounds_of_queues(command, options);
  add_bounds_of_other_data(command, options);
  command.add_flag("--log-json", options->json_logs, "Log lines as JSON");
  command.add_flag("--debug", options->debug, "Log every call");
  command.callback([options, password_from_stdin] { run(*options, *password_from_stdin); });
}

}  // namespace ionian::cli
