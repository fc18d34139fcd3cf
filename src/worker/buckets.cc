#include "worker/buckets.h"

#include <unistd.h>

#include <array>
#include <filesystem>

#include "container/served.h"

namespace ionian::worker {
namespace {

constexpr const char* kConfigFile = "/dev/shm/rclone.conf";
constexpr const char* kCaBundle = "/etc/ssl/certs/ca-certificates.crt";
constexpr const char* kOurFolder = "/ionian";
constexpr std::uint64_t kMemory = 1 << 30;
constexpr std::uint32_t kPidsMax = 256;
constexpr std::size_t kDetailMax = 500;

bool is_there(const char* path) { return ::access(path, R_OK) == 0; }

// As rclone reads it. Whoever made the task has seen to it that no value holds a line break.
std::string config_of(const TaskBucket& bucket) {
  const bool aws = bucket.endpoint().empty() || bucket.endpoint().ends_with(".amazonaws.com");
  std::string text =
      cat("[bucket]\ntype = s3\nenv_auth = false\nno_check_bucket = true\nprovider = ",
          aws ? "AWS" : "Other", "\nregion = ", bucket.region(), "\n");
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) cat_to(text, key, " = ", value, "\n");
  };
  add("endpoint", bucket.endpoint());
  add("access_key_id", bucket.access_key());
  add("secret_access_key", bucket.secret_key());
  add("session_token", bucket.session_token());
  add("force_path_style", bucket.path_style() ? "true" : "false");
  if (bucket.requester_pays()) add("requester_pays", "true");
  // Parts of a file on its way, four at a time: of 8 MiB the 10,000 of a file are 78 GiB.
  add("chunk_size", "8Mi");
  add("upload_concurrency", "4");
  return text;
}

// With a slash at its end, which says that it is none of a file.
std::string remote_of(const TaskBucket& bucket, const std::string& more = "") {
  return cat("bucket:", bucket.name(), "/", bucket.prefix(), more);
}

void show(container::ContainerSpec& spec, const std::string& source, const std::string& target) {
  container::Bind& bind = *spec.add_binds();
  bind.set_source(source);
  bind.set_target(target);
  bind.set_read_only(true);
}

// Both the one that serves and the one that asks.
container::ContainerSpec frame(const TaskBucket& bucket, const BucketProgram& program,
                               const std::string& folder, const std::string& scratch) {
  container::ContainerSpec spec;
  spec.set_hostname("bucket");
  spec.add_lowers(empty_root(folder));
  spec.set_upper_dir(cat(scratch, "/upper"));
  spec.set_upper_work_dir(cat(scratch, "/work"));
  for (const std::string& each : program.folders()) show(spec, each, each);
  for (const char* name : {"fusermount", "fusermount3"})
    show(spec, program.fusermount(), cat(kOurFolder, "/", name));
  auto& env = *spec.mutable_env();
  env["PATH"] = kOurFolder;
  env["HOME"] = "/dev/shm";
  env["GOMEMLIMIT"] = "768MiB";
  if (!program.ca_bundle().empty()) {
    show(spec, program.ca_bundle(), kCaBundle);
    env["SSL_CERT_FILE"] = kCaBundle;
  }
  // In the memory of this container, which no other process is in.
  container::File& config = *spec.add_files();
  config.set_path(kConfigFile);
  config.set_content(config_of(bucket));
  config.set_mode(0444);
  spec.set_memory_bytes(kMemory);
  spec.set_pids_max(kPidsMax);
  spec.set_network(container::NETWORK_NAT);
  return spec;
}

void add_args(container::ContainerSpec& spec, std::initializer_list<std::string> args) {
  for (const std::string& arg : args) spec.add_args(arg);
}

// The part of a text that stands between two others.
std::string_view between(std::string_view text, std::string_view before, std::string_view after) {
  const std::size_t from = text.find(before);
  if (from == text.npos) return {};
  text.remove_prefix(from + before.size());
  return text.substr(0, text.find(after));
}

std::string without_secrets(const TaskBucket& bucket, std::string text) {
  for (const std::string& secret :
       {bucket.access_key(), bucket.secret_key(), bucket.session_token()})
    for (std::size_t at; !secret.empty() && (at = text.find(secret)) != text.npos;)
      text.replace(at, secret.size(), "…");
  return text;
}

// What is to be done about an answer, by its code.
std::string_view mend_for(std::string_view code, bool anonymous) {
  struct Mend {
    std::string_view code, text;
  };
  static constexpr std::array kMends = {
      Mend{"NoSuchBucket", "Make the bucket, or mend bucket_name or bucket_endpoint_url"},
      Mend{"InvalidAccessKeyId", "Mend AWS_ACCESS_KEY_ID in its secret"},
      Mend{"SignatureDoesNotMatch", "Mend AWS_SECRET_ACCESS_KEY in its secret"},
      Mend{"InvalidToken", "Mend AWS_SESSION_TOKEN in its secret"},
      Mend{"ExpiredToken", "Put a fresh AWS_SESSION_TOKEN into its secret"},
      Mend{"PermanentRedirect", "Set AWS_REGION in its secret to the region of the bucket"},
      Mend{"AuthorizationHeaderMalformed",
           "Set AWS_REGION in its secret to the region of the bucket"}};
  for (const Mend& mend : kMends)
    if (mend.code == code) return mend.text;
  if (code == "AccessDenied" && anonymous)
    return "It is not open to everybody: give the mount a secret with keys for it";
  return "Mend the keys in its secret, or what the store lets them do: to list and to read is the "
         "least";
}

// By its name: the mount that /proc/self/exe leads to is not one of the spawner's.
Result<std::string> own_path() {
  std::error_code error;
  std::string path = std::filesystem::read_symlink("/proc/self/exe", error);
  // Another version may have taken its place, which is as good.
  constexpr std::string_view kGone = " (deleted)";
  if (path.ends_with(kGone)) path.resize(path.size() - kGone.size());
  if (error || ::access(path.c_str(), X_OK) != 0)
    return fail(Code::kFailedPrecondition, "the server's own program is no longer at ", path,
                ", and what serves cloud buckets needs it: install it there again");
  return path;
}

}  // namespace

Result<BucketProgram> find_bucket_program() {
  BucketProgram program;
  for (const char* path : {"/usr/bin/rclone", "/usr/local/bin/rclone"})
    if (program.path().empty() && ::access(path, X_OK) == 0) program.set_path(path);
  if (program.path().empty())
    return fail(Code::kFailedPrecondition,
                "cloud buckets are served by rclone, which this server's machine does not have: "
                "install its package (on Debian: apt-get install rclone)");
  for (const char* folder : {"/usr", "/lib", "/lib64"})
    if (is_there(folder)) program.add_folders(folder);
  for (const char* file : {kCaBundle, "/etc/pki/tls/certs/ca-bundle.crt"})
    if (program.ca_bundle().empty() && is_there(file)) program.set_ca_bundle(file);
  ASSIGN_OR_RETURN(*program.mutable_fusermount(), own_path());
  return program;
}

std::string empty_root(const std::string& folder) { return cat(folder, "/buckets/root"); }

void add_buckets(container::ContainerSpec& spec, const TaskSpec& task, const std::string& folder) {
  for (const TaskBucket& bucket : task.buckets()) {
    const std::string scratch = cat(folder, "/buckets/", spec.served_size());
    container::Served& served = *spec.add_served();
    served.set_target(bucket.target());
    served.set_read_only(bucket.read_only());
    container::ContainerSpec& server = *served.mutable_server();
    server = frame(bucket, task.bucket_program(), folder, scratch);
    const std::string fresh = cat(std::max(bucket.metadata_seconds(), 1U), "s");
    add_args(server, {cat(kOurFolder, "/fusermount"), task.bucket_program().path(), "mount",
                      remote_of(bucket), "/mnt", "--config", kConfigFile, "--allow-other", "--uid",
                      "OWNER", "--gid", "OWNER", "--umask", "022"});
    // Nothing is kept here: what a program has written is in the bucket once its close() returns.
    add_args(server, {"--vfs-cache-mode", "off", "--dir-cache-time", fresh, "--attr-timeout", fresh,
                      "--poll-interval", "0", "--use-server-modtime"});
    add_args(server, {"--contimeout", "10s", "--timeout", "30s", "--low-level-retries", "3",
                      "--buffer-size", "4Mi", "--max-read-ahead", "1Mi", "--log-level", "ERROR"});
    if (bucket.read_only()) server.add_args("--read-only");
  }
}

container::ContainerSpec container_of_check(const TaskBucket& bucket, const BucketProgram& program,
                                            const std::string& id, const std::string& folder) {
  container::ContainerSpec spec = frame(bucket, program, folder, cat(folder, "/check"));
  spec.set_id(id);
  spec.set_user("65534:65534");
  // One question, about a folder that nobody has: its answer is short, however much there is.
  add_args(spec, {program.path(), "lsf", remote_of(bucket, ".ionian-asks/"), "--config",
                  kConfigFile, "--contimeout", "5s", "--timeout", "15s", "--retries", "1",
                  "--low-level-retries", "2", "-vv", "--dump", "responses"});
  return spec;
}

std::string explain_check(const TaskBucket& bucket, std::string_view output) {
  const std::string_view code = between(output, "<Code>", "</Code>");
  std::string why;
  if (!code.empty()) {
    const std::string_view message = between(output, "<Message>", "</Message>");
    why = cat("its store answers ", code, ": ", message, message.ends_with('.') ? " " : ". ",
              mend_for(code, bucket.access_key().empty()));
  } else if (const std::string_view dial = between(output, ": dial ", "\n"); !dial.empty()) {
    why = cat("its store cannot be reached: dial ", dial,
              ". Mend bucket_endpoint_url; addresses of the server's own machine are closed to "
              "containers unless it was started with --allow-host ADDR:PORT");
  } else {
    const std::size_t end = output.find_last_not_of('\n');
    output = output.substr(0, end == output.npos ? 0 : end + 1);
    why = cat("its store gives no answer that can be understood: ",
              output.substr(output.rfind('\n') + 1));
  }
  if (why.size() > kDetailMax) why.resize(kDetailMax);
  // A store may say anything.
  for (char& c : why)
    if (c < ' ' || c > '~') c = '?';
  return without_secrets(bucket, cat("the bucket '", bucket.name(), "' cannot be mounted at ",
                                     bucket.target(), ": ", why));
}

}  // namespace ionian::worker
