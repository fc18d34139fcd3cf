#pragma once
// A program of a container, as execve wants it.
#include <google/protobuf/map.h>
#include <google/protobuf/repeated_field.h>

#include <string>
#include <vector>

#include "container/user.h"

namespace ionian::container {

class Program {
 public:
  using Args = google::protobuf::RepeatedPtrField<std::string>;
  using Env = google::protobuf::Map<std::string, std::string>;

  // `args` must outlive it. args[0] without a slash is looked up in PATH of `env`.
  Program(const Args& args, const Env& env, const User& user);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Between fork and exec, also on the memory of another process: system calls only. Returns errno.
  int replace_this_process(const int (&stdio)[3], const User& user);

 private:
  std::vector<std::string> candidates_;
  std::vector<char*> args_;
  std::vector<std::string> env_text_;
  std::vector<char*> env_;
};

}  // namespace ionian::container
