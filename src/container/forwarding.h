#pragma once
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace ionian::container {

// Forwarding of an interface that several servers of one machine may need at once: on while any of
// them lives, as it was when the last one ends. What it was is noted in /run/ionian, where it
// survives a kill -9: the next server puts it back at its own end.
class ForwardingFlag {
 public:
  static Result<std::unique_ptr<ForwardingFlag>> hold(const std::string& interface);
  ~ForwardingFlag();

  bool was_off() const { return was_off_; }
  Result<void> switch_on();

 private:
  std::string flag_;
  std::string note_;
  UniqueFd lock_;  // shared, on the note
  bool was_off_ = false;
};

}  // namespace ionian::container
