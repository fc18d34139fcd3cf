#include "container/exec.h"

#include <sys/wait.h>

#include <csignal>
#include <cstring>

#include "container/syscalls.h"

namespace ionian::container {

void Execs::fail(const std::string& id, std::string error, bool not_runnable) {
  SpawnerEvent event;
  event.set_id(id);
  event.mutable_exec_failed()->set_error(std::move(error));
  event.mutable_exec_failed()->set_not_runnable(not_runnable);
  send_(std::move(event), {});
}

void Execs::start(Jail& jail, const Container* container, ExecSpec spec,
                  std::vector<UniqueFd> stdio) {
  if (!container || !container->started || container->exited)
    return fail(spec.id(), cat("container ", spec.container(), " does not run"), false);
  Result<std::unique_ptr<Exec>> exec = jail.exec(*container, spec, std::move(stdio));
  if (exec)
    if (Result<void> watched = watch_((*exec)->report.get(), exec->get()); !watched)
      exec = std::unexpected(watched.error());
  if (!exec) return fail(spec.id(), exec.error().message, false);
  by_id_[spec.id()] = std::move(*exec);
}

// To all that it has started, unless they went their own way.
void Execs::signal(const std::string& id, int signo) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end() || found->second->pid <= 0) return;
  // Not reaped, so that its number is still its own; but it may not lead its group as yet.
  if (::kill(-found->second->pid, signo) != 0) sys_pidfd_signal(found->second->pidfd.get(), signo);
}

bool Execs::on_report(void* what) {
  for (const auto& [id, exec] : by_id_) {
    if (exec.get() != what) continue;
    read_report(*exec);
    // It never was, and no child will end for it.
    if (!exec->report && exec->pid < 0) {
      fail(id, exec->error.empty() ? "its helper was killed" : exec->error, exec->not_runnable);
      forget(std::string(id));
    }
    return true;
  }
  return false;
}

void Execs::close_report(Exec& exec) {
  if (!exec.report) return;
  unwatch_(exec.report.get());
  exec.report.reset();
}

void Execs::forget(const std::string& id) {
  const auto found = by_id_.find(id);
  close_report(*found->second);
  by_id_.erase(found);
}

void Execs::read_reports() {
  for (const auto& [id, exec] : by_id_)
    if (exec->report) read_report(*exec);
}

void Execs::read_report(Exec& exec) {
  while (exec.report) {
    Result<std::optional<Packet>> packet = receive_packet(exec.report.get(), Wait::kNo);
    if (packet && !*packet) return;
    if (!packet) {
      close_report(exec);
      if (exec.pid < 0 || !exec.error.empty()) return;
      exec.started = true;
      SpawnerEvent event;
      event.set_id(exec.id);
      event.set_exec_started(true);
      std::vector<UniqueFd> fds;
      if (exec.terminal) fds.push_back(std::move(exec.terminal));
      return send_(std::move(event), std::move(fds));
    }
    Packet& said = **packet;
    const std::string rest = said.bytes.substr(1);
    switch (static_cast<Said>(said.bytes[0])) {
      case Said::kPid:
        if (rest.size() == sizeof exec.pid) std::memcpy(&exec.pid, rest.data(), rest.size());
        if (!said.fds.empty()) exec.pidfd = std::move(said.fds[0]);
        break;
      case Said::kTerminal:
        if (!said.fds.empty()) exec.terminal = std::move(said.fds[0]);
        break;
      case Said::kNotRunnable:
        exec.not_runnable = true;
        [[fallthrough]];
      case Said::kError:
        exec.error = rest;
        break;
    }
  }
}

Exec* Execs::find(pid_t pid) const {
  for (const auto& [id, exec] : by_id_)
    if (exec->pid == pid) return exec.get();
  return nullptr;
}

bool Execs::child_ended(pid_t pid, int status) {
  Exec* exec = find(pid);
  // Its helper has told its number before it ran, but that may not be read as yet.
  if (!exec) {
    read_reports();
    exec = find(pid);
  }
  if (!exec) return false;
  read_report(*exec);
  const std::string id = exec->id;
  if (!exec->started) {
    fail(id, exec->error.empty() ? "it was killed at its start" : exec->error, exec->not_runnable);
  } else {
    SpawnerEvent event;
    event.set_id(id);
    Exited& exited = *event.mutable_exec_exited();
    if (WIFSIGNALED(status))
      exited.set_signal(WTERMSIG(status));
    else
      exited.set_exit_code(WEXITSTATUS(status));
    send_(std::move(event), {});
  }
  forget(id);
  return true;
}

}  // namespace ionian::container
