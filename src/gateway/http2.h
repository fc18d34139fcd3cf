#pragma once
// gRPC on the HTTP side. gRPC's own listener closes a TLS connection whose client names no protocol
// in its handshake (ALPN), and the official Python client names none when it calls the command
// router. Such calls come to the gateway's listener, which knows them by how HTTP/2 begins, and go
// on to the gRPC server through a socket pair. So do the calls of containers to the router, which
// come to the listener inside.
#include "base/fd.h"
#include "gateway/stream.h"

namespace ionian::gateway {

// Whether the client begins as HTTP/2 does. What was read for that stays in `buffer`.
bool begins_http2(Stream& stream, beast::flat_buffer& buffer, asio::yield_context yield);

// Carries `begun` and all that follows to `server`, and back, until one of the two ends.
void relay(Stream& stream, const beast::flat_buffer& begun, UniqueFd server,
           asio::yield_context yield);

}  // namespace ionian::gateway
