#pragma once
// The part of an exchange that only the gateway itself touches.
#include <boost/beast/http.hpp>

#include <condition_variable>
#include <mutex>

#include "gateway/http.h"
#include "gateway/stream.h"

namespace ionian::gateway {

namespace http = boost::beast::http;

// What coroutines wait for on other threads. Work there uses their stacks, so nobody may take those
// away before it is done.
class Waits {
 public:
  void begin() {
    std::lock_guard lock(mutex_);
    ++count_;
  }
  void end() {
    std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }
  void wait_for_none() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int count_ = 0;  // guarded by mutex_
};

struct Exchange::Wire {
  Stream& stream;
  beast::flat_buffer& buffer;
  http::request_parser<http::buffer_body>& parser;
  asio::yield_context yield;
  const Patience& patience;
  Waits& waits;

  const http::request_header<>& head() const { return parser.get().base(); }
  BlockingStream blocking() { return {stream, yield}; }
};

}  // namespace ionian::gateway
