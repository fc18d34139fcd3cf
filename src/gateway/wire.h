#pragma once
// The part of an exchange that only the gateway itself touches.
#include <boost/beast/http.hpp>

#include "gateway/http.h"
#include "gateway/stream.h"

namespace ionian::gateway {

namespace http = boost::beast::http;

struct Exchange::Wire {
  Stream& stream;
  beast::flat_buffer& buffer;
  http::request_parser<http::buffer_body>& parser;
  asio::yield_context yield;
  const Patience& patience;

  const http::request_header<>& head() const { return parser.get().base(); }
  BlockingStream blocking() { return {stream, yield}; }
};

}  // namespace ionian::gateway
