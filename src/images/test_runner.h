#pragma once
// Runs build steps with an overlay mount and chroot, as root and without any isolation: for tests
// only.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/cat.h"
#include "base/file.h"
#include "images/step.h"
#include "images/subprocess.h"

namespace ionian::images {

class ChrootRunner final : public StepRunner {
 public:
  int steps = 0;
  std::uint64_t bound = 0;
  std::uint64_t disk_bytes() const override { return bound; }

  Result<StepResult> run(const StepSpec& step,
                         const std::function<void(int, std::string_view)>& on_output,
                         const std::atomic<bool>& cancelled) override {
    ++steps;
    const std::string merged = step.scratch_dir + "/merged";
    StepResult result{.upper_dir = step.scratch_dir + "/upper"};
    std::string lowers;  // the uppermost first
    for (const std::string& lower : step.lowers)
      lowers.insert(0, cat(lower, lowers.empty() ? "" : ":"));
    const std::string options = cat("lowerdir=", lowers, ",upperdir=", result.upper_dir,
                                    ",workdir=", step.scratch_dir, "/work");
    for (const std::string& folder : {merged, result.upper_dir, step.scratch_dir + "/work"})
      if (::mkdir(folder.c_str(), 0755) != 0) return sys_fail("mkdir " + folder);
    Mounts mounts;
    TRY(mounts.add("overlay", merged, "overlay", 0, options));
    for (const Bind& bind : step.binds) {
      TRY(make_folders(merged + bind.target));
      TRY(mounts.add(bind.source, merged + bind.target, "", MS_BIND, ""));
    }
    Command command{.on_output = on_output, .cancelled = &cancelled};
    const char* const script =
        "cd \"$0\" && [ -d etc ] && cp /etc/resolv.conf etc/resolv.conf; mkdir -p proc dev; "
        "mount -t proc proc proc; mount --rbind /dev dev; w=$1; u=$2; shift 2; "
        "exec env -i /usr/sbin/chroot ${u:+--userspec=$u} . env -C \"$w\" \"$@\"";
    command.args = {
        "unshare", "--mount", "--pid", "--fork", "--kill-child",
        "sh",      "-c",      script,  merged,   step.workdir.empty() ? "/" : step.workdir,
        step.user};
    command.args.insert(command.args.end(), step.env.begin(), step.env.end());
    command.args.insert(command.args.end(), step.args.begin(), step.args.end());
    ASSIGN_OR_RETURN(const Exit exit, run_command(command));
    ::unlink((result.upper_dir + "/etc/resolv.conf").c_str());
    ::rmdir((result.upper_dir + "/etc").c_str());
    result.exit_code = exit.code;
    return result;
  }

 private:
  struct Mounts {
    std::vector<std::string> targets;
    Result<void> add(const std::string& source, const std::string& target, const char* type,
                     unsigned long flags, const std::string& options) {
      if (::mount(source.c_str(), target.c_str(), type, flags, options.c_str()) != 0)
        return sys_fail("mount " + target + " " + options);
      targets.push_back(target);
      return {};
    }
    ~Mounts() {
      for (auto it = targets.rbegin(); it != targets.rend(); ++it)
        ::umount2(it->c_str(), MNT_DETACH);
    }
  };
};

}  // namespace ionian::images
