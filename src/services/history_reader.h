#pragma once
// Answers from history: what has ended, off the disk, and what has not, from the core, as of one
// moment. An input is in one of the two, never in both and never in none.
#include <google/protobuf/timestamp.pb.h>

#include "services/history.h"

namespace ionian::services {

struct LiveInput {
  FunctionId function;
  CallId call;
  TaskId task;
  std::string method;
  bool running = false;
  Time created;
  std::optional<Time> started;
};

struct LiveTask {
  FunctionId function;
  TaskId id;
  Time created;
  std::optional<Time> ready;
};

// A range of time, of what a question is about.
struct Span {
  Time since, until;
  bool has(Time t) const { return t >= since && t < until; }
};
Time time_of(const google::protobuf::Timestamp& t);
void put_time(google::protobuf::Timestamp& into, Time t);
// INVALID_ARGUMENT one that is empty, or too long.
Result<Span> span_of(const google::protobuf::Timestamp& since,
                     const google::protobuf::Timestamp& until, Duration longest);

// What an answer is made of.
struct Past {
  store::View& view;
  const std::vector<FunctionId>& functions;
  store::HistoryEnd end;
  Time whole_since;  // before it, records may be missing
  Time now;
  const std::vector<LiveInput>& inputs;
  const std::vector<LiveTask>& tasks;

  store::HistoryRange range(const FunctionId& function, const Span& span) const {
    return {.function = function, .since = span.since, .until = span.until, .end = end};
  }
};

// A function and what is derived from it.
std::vector<FunctionId> with_variants(store::View& view, const FunctionId& id);

class HistoryReader {
 public:
  // Which unfinished inputs an answer is about: those that run, or so many of all, the newest.
  struct Live {
    bool running_only = false;
    std::size_t newest = static_cast<std::size_t>(-1);
  };

  HistoryReader(Context& context, History& history) : c_(context), history_(history) {}

  // A function or variant that the caller may see, and with `variants` what is derived from it.
  //   errors   NOT_FOUND
  Result<std::vector<FunctionId>> functions_of(rpc::Call& call, const std::string& id,
                                               bool variants) const;
  // How many variants a function has.
  std::uint32_t variants_of(store::View& view, const FunctionId& id) const;

  // The body of a poll in the core's room. `functions` is asked once, and `build` runs once, on a
  // thread that may read.
  template <class Reply>
  std::optional<Result<Reply>> answer(
      rpc::Call& call, core::Core& core,
      const std::function<Result<std::vector<FunctionId>>()>& functions, Live live,
      std::function<Result<Reply>(const Past&)> build) {
    struct Work {
      std::optional<Result<Reply>> reply;
    };
    auto& work = call.state<std::shared_ptr<Work>>();
    if (work) return std::move(work->reply);
    work = std::make_shared<Work>();
    Result<std::vector<FunctionId>> scope = functions();
    if (!scope) return std::unexpected(scope.error());
    const auto failed = [work = work](Status error) { work->reply = std::unexpected(error); };
    TRY(read(
        call, core, *std::move(scope), live, failed,
        [work = work, build = std::move(build)](const Past& past) { work->reply = build(past); }));
    return std::nullopt;
  }

 private:
  Result<void> read(rpc::Call& call, core::Core& core, std::vector<FunctionId> functions, Live live,
                    std::function<void(Status)> failed, std::function<void(const Past&)> build);

  Context& c_;
  History& history_;
  std::uint64_t questions_ = 0;
};

}  // namespace ionian::services
