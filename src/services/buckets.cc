#include "services/buckets.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>

#include "base/file.h"
#include "images/layered_tree.h"
#include "services/secrets.h"
#include "worker/buckets.h"

namespace ionian::services {
namespace {

using modal::client::CloudBucketMount;

// Each costs a process beside the container.
constexpr std::size_t kNameMax = 255;
constexpr std::size_t kPathMax = 1024;
constexpr Duration kAnswerMax = 30s;
constexpr Duration kKilledMax = 10s;
constexpr std::size_t kOutputMax = 64 << 10;
constexpr std::uint32_t kMetadataSecondsMax = 24 * 60 * 60;

bool is_plain(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

bool is_bucket_name(std::string_view name) {
  const auto fits = [](unsigned char c) {
    return std::isalnum(c) || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= kNameMax && std::isalnum(name.front()) &&
         std::ranges::all_of(name, fits);
}

// Folders, each with its slash, and none that leads elsewhere.
bool is_prefix(std::string_view prefix) {
  if (prefix.size() > kPathMax || !is_plain(prefix)) return false;
  while (!prefix.empty()) {
    const std::size_t slash = prefix.find('/');
    const std::string_view folder = prefix.substr(0, slash);
    if (slash == prefix.npos || folder.empty() || folder == "." || folder == "..") return false;
    prefix.remove_prefix(slash + 1);
  }
  return true;
}

// Without http:// or https://; empty if it is no such URL.
std::string_view host_of(std::string_view url) {
  for (const std::string_view scheme : {"https://", "http://"})
    if (url.starts_with(scheme)) {
      const std::string_view host =
          url.substr(scheme.size()).substr(0, url.substr(scheme.size()).find('/'));
      return host.find('@') == host.npos ? host : std::string_view();
    }
  return {};
}

bool is_address(std::string_view host) {
  if (host.empty()) return false;
  return host.starts_with('[') || host.starts_with("localhost") ||
         std::ranges::all_of(
             host, [](unsigned char c) { return std::isdigit(c) || c == '.' || c == ':'; });
}

Result<void> check_bucket(const CloudBucketMount& mount) {
  const auto refuse = [&](const auto&... why) {
    return fail(Code::kInvalidArgument, "cloud bucket at '", mount.mount_path(), "': ", why...);
  };
  if (!is_bucket_name(mount.bucket_name()))
    return refuse("'", mount.bucket_name(), "' is no name of a bucket: 1 to ", kNameMax,
                  " letters, digits and .-_");
  if (!is_prefix(mount.key_prefix()))
    return refuse("key_prefix '", mount.key_prefix(),
                  "' is not one of folders that each end in a slash, as in a/b/");
  const std::string& url = mount.bucket_endpoint_url();
  if (mount.has_bucket_endpoint_url() && !url.empty() &&
      (url.size() > kPathMax || !is_plain(url) || host_of(url).empty()))
    return refuse("bucket_endpoint_url '", url, "' is not http:// or https:// and a host");
  if (!mount.oidc_auth_role_arn().empty())
    return refuse(
        "oidc_auth_role_arn needs an issuer of identities that the cloud trusts, which this server "
        "is not. Give the mount a secret with keys instead");
  if (mount.requester_pays() && mount.credentials_secret_id().empty())
    return refuse("requester_pays needs a secret: somebody has to pay");
  return {};
}

// For how long a listing may be an old one, where nothing else is asked for: hardly.
std::uint32_t metadata_seconds(const CloudBucketMount& mount) {
  if (mount.metadata_ttl_type() == CloudBucketMount::METADATA_TTL_TYPE_INDEFINITE)
    return kMetadataSecondsMax;
  if (!mount.has_metadata_ttl_seconds()) return 1;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(mount.metadata_ttl_seconds(), kMetadataSecondsMax));
}

// The keys of a secret, in the variables that the official guide names.
Result<void> take_keys(const std::map<std::string, std::string>& variables, bool google,
                       worker::TaskBucket& bucket) {
  const auto find = [&](std::initializer_list<const char*> names) -> std::string {
    for (const char* name : names)
      if (const auto found = variables.find(name); found != variables.end()) return found->second;
    return {};
  };
  bucket.set_access_key(google ? find({"GOOGLE_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"})
                               : find({"AWS_ACCESS_KEY_ID"}));
  bucket.set_secret_key(google ? find({"GOOGLE_ACCESS_KEY_SECRET", "AWS_SECRET_ACCESS_KEY"})
                               : find({"AWS_SECRET_ACCESS_KEY"}));
  bucket.set_session_token(find({"AWS_SESSION_TOKEN"}));
  if (std::string region = find({"AWS_REGION", "AWS_DEFAULT_REGION"}); !region.empty())
    bucket.set_region(std::move(region));
  if (bucket.access_key().empty() || bucket.secret_key().empty())
    return fail(Code::kFailedPrecondition, "the secret of the cloud bucket '", bucket.name(),
                "' lacks ",
                google ? "GOOGLE_ACCESS_KEY_ID or GOOGLE_ACCESS_KEY_SECRET"
                       : "AWS_ACCESS_KEY_ID or AWS_SECRET_ACCESS_KEY");
  for (const std::string* value :
       {&bucket.access_key(), &bucket.secret_key(), &bucket.session_token(), &bucket.region()})
    if (!is_plain(*value))
      return fail(Code::kFailedPrecondition, "a key in the secret of the cloud bucket '",
                  bucket.name(), "' holds a line break");
  return {};
}

Result<worker::TaskBucket> bucket_of(const Context& c, const WorkspaceId& workspace,
                                     const CloudBucketMount& mount) {
  worker::TaskBucket bucket;
  bucket.set_name(mount.bucket_name());
  bucket.set_target(images::clean_path("/", mount.mount_path()));
  bucket.set_endpoint(mount.bucket_endpoint_url());
  bucket.set_prefix(mount.key_prefix());
  bucket.set_read_only(mount.read_only());
  bucket.set_requester_pays(mount.requester_pays());
  bucket.set_metadata_seconds(metadata_seconds(mount));
  const bool google = mount.bucket_type() == CloudBucketMount::GCP;
  const bool cloudflare = mount.bucket_type() == CloudBucketMount::R2;
  bucket.set_path_style(mount.force_path_style() || google || cloudflare ||
                        is_address(host_of(mount.bucket_endpoint_url())));
  bucket.set_region(google || cloudflare ? "auto" : "us-east-1");
  if (mount.credentials_secret_id().empty()) return bucket;
  ASSIGN_OR_RETURN(const auto variables, c.store.read([&](store::View& view) {
    return open_secret(c, view, workspace, mount.credentials_secret_id());
  }));
  TRY(take_keys({variables.begin(), variables.end()}, google, bucket));
  return bucket;
}

// One question to a store, in a container of its own.
struct Question {
  std::string id;
  std::string output;
  std::optional<worker::TaskEnd> end;
};

// What outlives the wait, should the container not end in time.
struct Questions {
  std::mutex mutex;
  std::condition_variable over;
  std::vector<Question> all;  // guarded by mutex

  bool answered() const {
    return std::ranges::all_of(all, [](const Question& each) { return each.end.has_value(); });
  }
};

Result<void> outcome_of(const Question& question, const worker::TaskBucket& bucket, bool in_time) {
  if (!in_time)
    return fail(Code::kFailedPrecondition, "the bucket '", bucket.name(), "' cannot be mounted at ",
                bucket.target(), ": its store gave no answer within ", kAnswerMax / 1s,
                " s. Mend bucket_endpoint_url, or its network");
  if (!question.end->failed_start.empty())
    return fail(Code::kFailedPrecondition, "what serves the bucket '", bucket.name(),
                "' cannot be started: ", question.end->failed_start);
  if (question.end->exit_code != 0 || question.end->signal != 0)
    return fail(Code::kFailedPrecondition, worker::explain_check(bucket, question.output));
  return {};
}

}  // namespace

Result<void> check_buckets(const Context& c, store::View& view, const rpc::Call& call,
                           const modal::client::Function& d) {
  if (d.cloud_bucket_mounts_size() == 0) return {};
  if (const int max = c.data_limits.function_buckets; d.cloud_bucket_mounts_size() > max)
    return fail(Code::kInvalidArgument, "function ", d.function_name(), " mounts ",
                d.cloud_bucket_mounts_size(), " cloud buckets, and ", max,
                " are the most for one container (--function-buckets-max)");
  for (const CloudBucketMount& mount : d.cloud_bucket_mounts()) {
    TRY(check_bucket(mount));
    if (!mount.credentials_secret_id().empty())
      TRY(check_secret(c, view, call, mount.credentials_secret_id()));
  }
  TRY(worker::find_bucket_program());
  return {};
}

Result<void> add_buckets(const Context& c, const WorkspaceId& workspace,
                         const modal::client::Function& d, worker::TaskSpec& spec) {
  for (const CloudBucketMount& mount : d.cloud_bucket_mounts()) {
    ASSIGN_OR_RETURN(*spec.add_buckets(), bucket_of(c, workspace, mount));
  }
  if (spec.buckets_size() > 0) {
    ASSIGN_OR_RETURN(*spec.mutable_bucket_program(), worker::find_bucket_program());
  }
  return {};
}

Result<void> ask_for_buckets(worker::Worker& worker, const worker::TaskSpec& spec) {
  if (spec.buckets_size() == 0) return {};
  const auto questions = std::make_shared<Questions>();
  const auto count = static_cast<std::size_t>(spec.buckets_size());
  std::vector<std::string> folders;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string id = cat(spec.task_id(), ".ask", i);
    questions->all.push_back({.id = id});
    const std::string upper = worker.upper_of(TaskId(id));
    folders.push_back(upper.substr(0, upper.rfind('/')));
    TRY(make_folders(worker::empty_root(folders.back())));
  }
  for (std::size_t i = 0; i < count; ++i)
    worker.start_job(
        worker::container_of_check(spec.buckets(static_cast<int>(i)), spec.bucket_program(),
                                   questions->all[i].id, folders[i]),
        {.output =
             [questions, i](int, std::string_view text) {
               std::string& output = questions->all[i].output;
               output += text.substr(0, kOutputMax - std::min(kOutputMax, output.size()));
             },
         .ended =
             [questions, i](const worker::TaskEnd& end) {
               const std::lock_guard lock(questions->mutex);
               questions->all[i].end = end;
               questions->over.notify_one();
             }});
  Result<void> done;
  {
    std::unique_lock lock(questions->mutex);
    const auto answered = [&] { return questions->answered(); };
    questions->over.wait_for(lock, kAnswerMax, answered);
    std::vector<bool> in_time;
    for (const Question& each : questions->all) in_time.push_back(each.end.has_value());
    if (!answered()) {
      for (const Question& each : questions->all) worker.kill_job(each.id);
      questions->over.wait_for(lock, kKilledMax, answered);
    }
    for (std::size_t i = 0; i < count && done; ++i)
      done = outcome_of(questions->all[i], spec.buckets(static_cast<int>(i)), in_time[i]);
  }
  for (const std::string& folder : folders) (void)remove_tree(folder);
  return done;
}

}  // namespace ionian::services
