#pragma once
// What the official Python runtime needs inside a container, as folders that overlayfs stacks over
// the image: its client's package, and the packages that this one imports. Made from PyPI's wheels
// on first demand.
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "images/wheels.h"

namespace ionian::images {

struct ClientMountSettings {
  std::string root;   // DATA/runtime: the trees
  std::string cache;  // wheels that survive a new data folder; can be filled by hand, then no
                      // network is needed
  std::string python = "python3";  // the host's, with pip
  // Its wheel carries the requirement files of every builder version.
  std::string requirements_client = "1.6.4";
  // Pythons whose bytecode goes with a client's package, where this host has the interpreter: a
  // container then imports in 0.5 s what it would compile for 2 s at each start.
  std::vector<std::string> compile_for = {"3.11", "3.13"};
};

// All methods may be called from any thread; what two ask for at once is made once.
class ClientMounts {
 public:
  // Removes what a former life left half done.
  static Result<ClientMounts> open_folder(ClientMountSettings settings);

  // A tree with /pkg/{modal,modal_proto,modal_version,synchronicity} of a published client:
  // "1.6.4".
  //   errors  INVALID_ARGUMENT not a version · FAILED_PRECONDITION neither in the cache nor to be
  //   had, with
  //           pip's words
  Result<std::string> client_mount(const std::string& version) const;

  // A tree with /__modal/deps and /pkg/sitecustomize.py, which puts it at the end of sys.path, so
  // that packages of the user win. For builders from 2025.06 on: "2025.06", "3.11", "glibc 2.36".
  //   errors  INVALID_ARGUMENT a builder without a requirements file, or not a version
  Result<std::string> dependency_mount(const std::string& builder_version,
                                       const std::string& python, const std::string& libc) const;

 private:
  explicit ClientMounts(ClientMountSettings settings);
  Result<void> make_client_tree(const std::string& version, const std::string& into) const;
  // As dependency_mount(), which looks first whether it is known.
  Result<std::string> find_dependencies(const std::string& builder_version,
                                        const std::string& python, bool musl) const;

  // What has been asked for: the wheel, which says what is in a tree, is not read for each task.
  struct Known {
    std::mutex mutex;
    std::map<std::tuple<std::string, std::string, bool>, std::string> trees;  // guarded by mutex
  };

  ClientMountSettings settings_;
  Wheels wheels_;
  std::unique_ptr<Known> known_ = std::make_unique<Known>();
};

}  // namespace ionian::images
