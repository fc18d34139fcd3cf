#include "gateway/stream.h"

namespace ionian::gateway {
namespace {

constexpr auto kHandshakePatience = std::chrono::seconds(10);

// Of the protocols that a browser offers, the one that is spoken here.
int choose_http_1_1(SSL*, const unsigned char** out, unsigned char* length,
                    const unsigned char* offered, unsigned int offered_length, void*) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, length, kOurs, sizeof(kOurs) - 1, offered, offered_length) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

bool Stream::shake_hands(std::shared_ptr<asio::ssl::context> context, asio::yield_context yield) {
  context_ = std::move(context);
  tls_.emplace(tcp_, *context_);
  expires_after(kHandshakePatience);
  beast::error_code error;
  tls_->async_handshake(asio::ssl::stream_base::server, yield[error]);
  return !error;
}

std::size_t Stream::read_some(asio::mutable_buffer into, asio::yield_context yield,
                              beast::error_code& error) {
  if (tls_) return tls_->async_read_some(into, yield[error]);
  return tcp_.async_read_some(into, yield[error]);
}

std::size_t Stream::write_some(std::span<const asio::const_buffer> pieces,
                               asio::yield_context yield, beast::error_code& error) {
  if (tls_) return tls_->async_write_some(pieces, yield[error]);
  return tcp_.async_write_some(pieces, yield[error]);
}

void Stream::say_goodbye(asio::yield_context yield) {
  beast::error_code ignored;
  expires_after(kHandshakePatience);
  if (tls_) tls_->async_shutdown(yield[ignored]);
  (void)socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

std::shared_ptr<asio::ssl::context> TlsContexts::current() {
  const std::shared_ptr<const TlsPair> pair = files_->current();
  std::lock_guard lock(mutex_);
  if (context_ && number_ == pair->number) return context_;
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  context->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1 |
                       asio::ssl::context::no_compression);
  beast::error_code error;
  (void)context->use_certificate_chain(asio::buffer(pair->certificate_pem), error);
  if (!error)
    (void)context->use_private_key(asio::buffer(pair->key_pem), asio::ssl::context::pem, error);
  if (error)
    return context_;  // the pair was read and found to fit, so only a lack of memory leads here
  SSL_CTX_set_alpn_select_cb(context->native_handle(), choose_http_1_1, nullptr);
  context_ = context;
  number_ = pair->number;
  return context_;
}

bool TlsContexts::begin(Stream& stream, asio::yield_context yield) {
  if (!files_) return true;
  const std::shared_ptr<asio::ssl::context> context = current();
  return context && stream.shake_hands(context, yield);
}

}  // namespace ionian::gateway
