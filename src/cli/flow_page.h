#pragma once
// The door by which the approving page finds out that its browser runs on the same machine as the
// command: a port on localhost that answers with the token flow's id.
#include <mutex>
#include <string>
#include <thread>

#include "base/fd.h"

namespace ionian::cli {

class FlowPage {
 public:
  // Listens on 127.0.0.1 if that can be had; without it the page asks for the code instead.
  FlowPage();
  ~FlowPage();
  FlowPage(const FlowPage&) = delete;
  FlowPage& operator=(const FlowPage&) = delete;

  int port() const { return port_; }  // 0: none
  void show(std::string flow_id);

 private:
  void serve();

  UniqueFd listening_;
  int port_ = 0;
  std::mutex mutex_;
  std::string flow_id_;  // guarded by mutex_
  std::thread thread_;
};

// Opens a page in the person's browser. False: there is none here.
bool open_browser(const std::string& url);

}  // namespace ionian::cli
