#pragma once
// Images: recipes become layers, once; builds run on their own threads and tell what they print.
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>

#include "images/builder.h"
#include "modal_proto/image.pb.h"
#include "services/context.h"
#include "services/function_builder.h"
#include "store/images.h"

namespace ionian::services {

std::string to_json(const images::BuiltImage& image, const std::string& builder_version);
struct RecordedImage {
  images::BuiltImage image;
  std::string builder_version;
};
RecordedImage built_image_of(const store::Image& record);

class Images {
 public:
  Images(Context& context, images::Builder& builder, FunctionBuilder& function_builder);
  // Cancels running builds and waits for them.
  ~Images();
  void bind(rpc::Table& table);

  // The app is over: builds that nobody else asked for end.
  void app_ended(const AppId& app);

  // Writes again what became of builds where that could not be written; says when it must be called
  // again. On the core's thread.
  std::optional<Time> write_again(Time now);

 private:
  // ImageGetOrCreate. Finds the image of a recipe, or starts its build.
  //   out      result is set if it is built already; otherwise ImageJoinStreaming tells
  //   effect   force_build builds again and replaces the cached one; ignore_cache builds again and
  //            leaves it
  //   errors   NOT_FOUND base image, mount, secret · PERMISSION_DENIED secret
  Result<modal::client::ImageGetOrCreateResponse> get_or_create(
      rpc::Call& call, const modal::client::ImageGetOrCreateRequest& request, Slow& slow);

  // ImageJoinStreaming (stream). What the build prints after last_entry_id, then its result.
  std::optional<Status> join(rpc::Call& call,
                             const modal::client::ImageJoinStreamingRequest& request,
                             logs::LogStore& logs,
                             rpc::Emit<modal::client::ImageJoinStreamingResponse>& emit);

  struct Build {
    store::Image record;
    std::string key;  // identical builds at one time are one build
    modal::client::ImageGetOrCreateRequest request;
    rpc::Caller caller;
    struct Waiter {
      AppId app;
      std::string
          build_function_id;  // Image.run_function: the app's own function that makes the layer
    };
    std::vector<Waiter> waiters;  // guarded by mutex_
    std::atomic<bool> cancelled = false;
  };
  // What became of a build. The record in the store says until it is written that it goes on.
  struct End {
    store::Image record;
    bool cached = false;
    std::string why_not_kept;
    Time again;  // when it is written again
  };
  struct Unwritten {
    std::mutex mutex;
    std::map<ImageId, End> ends;  // guarded by mutex
  };
  static store::Work write_of(const End& end);
  // What clients are told of a build whose end is not written.
  std::optional<store::Image> unwritten(const WorkspaceId& workspace, const ImageId& id) const;
  void main();
  void run(Build& build);
  Result<images::BuiltImage> build_by_dockerfile(Build& build, images::BuildLog& log);
  Result<images::BuiltImage> build_by_function(Build& build, images::BuildLog& log);
  Result<FunctionBuild> function_build_of(const Build& build, const std::string& function) const;
  // The caller may use the function, and it is one that builds images.
  Result<void> check_function(const rpc::Call& call, const std::string& function) const;
  Result<void> check_secrets(const rpc::Call& call, const modal::client::Image& image) const;
  Result<images::BuildInput> input_of(const Build& build) const;
  void finish(Build& build, const Result<images::BuiltImage>& built);

  static constexpr int kThreads = 2;
  static constexpr std::size_t kQueueMax = 1000;
  static constexpr Duration kWriteAgain = 5s;

  Context& c_;
  images::Builder& builder_;
  FunctionBuilder& function_builder_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::shared_ptr<Build>> queue_;  // guarded by mutex_
  std::map<std::string, std::shared_ptr<Build>>
      by_key_;             // guarded by mutex_; queued and running ones
  bool stopping_ = false;  // guarded by mutex_
  const std::shared_ptr<Unwritten> unwritten_ = std::make_shared<Unwritten>();
  std::vector<std::thread> threads_;
};

}  // namespace ionian::services
