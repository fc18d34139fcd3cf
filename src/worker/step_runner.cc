#include "worker/step_runner.h"

#include <algorithm>
#include <condition_variable>
#include <optional>

#include "base/memory.h"
#include "container/spec.pb.h"
#include "images/upper_bound.h"
#include "worker/task_container.h"

namespace ionian::worker {
namespace {

constexpr std::uint64_t kLeastMemoryMib = 2048;

container::ContainerSpec container_of(const images::StepSpec& step, std::string id,
                                      std::uint64_t memory_bytes) {
  container::ContainerSpec spec;
  spec.set_id(std::move(id));
  spec.set_hostname("modal");
  for (const std::string& lower : step.lowers) spec.add_lowers(lower);
  spec.set_upper_dir(step.scratch_dir + "/upper");
  spec.set_upper_work_dir(step.scratch_dir + "/work");
  spec.set_keep_upper(true);
  for (const std::string& arg : step.args) spec.add_args(arg);
  for (const std::string& variable : step.env) {
    const std::size_t equals = variable.find('=');
    (*spec.mutable_env())[variable.substr(0, equals)] =
        equals == std::string::npos ? "" : variable.substr(equals + 1);
  }
  spec.set_workdir(step.workdir);
  spec.set_user(step.user);
  spec.set_network(step.network ? container::NETWORK_NAT : container::NETWORK_NONE);
  spec.set_allow_setuid(true);
  spec.set_pids_max(kProgramPidsMax);
  spec.set_memory_bytes(memory_bytes);
  for (const images::Bind& bind : step.binds) {
    auto* b = spec.add_binds();
    b->set_source(bind.source);
    b->set_target(bind.target);
    b->set_read_only(bind.read_only);
  }
  return spec;
}

}  // namespace

StepBounds step_bounds(std::uint64_t disk_mib, std::optional<std::uint64_t> memory_mib) {
  if (!memory_mib) memory_mib = std::max(read_memory().total / 2 >> 20, kLeastMemoryMib);
  return {.disk = disk_mib << 20, .memory = *memory_mib << 20};
}

Result<images::StepResult> ContainerStepRunner::run(
    const images::StepSpec& step,
    const std::function<void(int fd, std::string_view text)>& on_output,
    const std::atomic<bool>& cancelled) {
  std::mutex mutex;
  std::condition_variable over;
  std::optional<TaskEnd> end;
  const std::string id = cat("build-", random_base62(random_, 12));
  const container::ContainerSpec container = container_of(step, id, bounds_.memory);
  images::UpperBound bound(container.upper_dir(), bounds_.disk);
  worker_.start_job(container,
                    {.output = [&](int fd, std::string_view text) { on_output(fd, text); },
                     .ended =
                         [&](const TaskEnd& e) {
                           std::lock_guard lock(mutex);
                           end = e;
                           over.notify_one();
                         }});
  std::unique_lock lock(mutex);
  // `cancelled` is a flag that many may raise and none can wait on, and nobody tells how full a
  // folder is, so both are looked at ten times a second.
  Result<void> allowed;
  while (!over.wait_for(lock, 100ms, [&] { return end.has_value(); })) {
    if (!allowed) continue;
    allowed = cancelled ? fail(Code::kCancelled, "the build was cancelled") : bound.check();
    if (!allowed) worker_.kill_job(id);
  }
  if (cancelled) return fail(Code::kCancelled, "the build was cancelled");
  if (!allowed) return fail(allowed.error().code, step.name, ": ", allowed.error().message);
  if (!end->failed_start.empty())
    return fail(Code::kInternal, "cannot start a container for ", step.name, ": ",
                end->failed_start);
  if (end->lost) return fail(Code::kUnavailable, "the container of ", step.name, " was lost");
  return images::StepResult{.exit_code = end->exit_code,
                            .signal = end->signal,
                            .oom_killed = end->out_of_memory,
                            .memory_bytes = bounds_.memory,
                            .upper_dir = end->upper,
                            .id_base = end->id_base};
}

}  // namespace ionian::worker
