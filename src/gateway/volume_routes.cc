#include "gateway/volume_routes.h"

#include "base/log.h"

namespace ionian::gateway {

Route VolumeRoutes::route() {
  return {.prefix = std::string(volumes::kBlockPrefix),
          .handle = [this](Exchange& exchange) { handle(exchange); },
          .inside = true};
}

void VolumeRoutes::handle(Exchange& exchange) {
  const auto sign = [this](std::string_view text) { return c_.key.sign(text); };
  const auto right = volumes::check_target(exchange.method(), exchange.target(), exchange.side(),
                                           c_.clock.now(), sign);
  Result<void> done = right ? Result<void>() : std::unexpected(right.error());
  if (right) done = right->method == "PUT" ? put(exchange, *right) : get(exchange, *right);
  if (done) return;
  if (done.error().code == Code::kDataLoss) log::error(done.error().message);
  exchange.reply_error(done.error());
}

Result<void> VolumeRoutes::get(Exchange& exchange, const volumes::BlockRight& right) {
  const auto content = c_.store.read([&](store::View& view) {
    return store::find_volume_content(view, right.workspace, right.content);
  });
  if (!content) return fail(Code::kNotFound, "this file is no longer here");
  TRY(exchange.read_body([](std::string_view) { return Result<void>(); }));
  ASSIGN_OR_RETURN(const std::string block,
                   p_.contents.read_block(right.workspace, *content, right.number));
  exchange.reply(200, "application/octet-stream", block.substr(right.from, right.length));
  return {};
}

Result<void> VolumeRoutes::put(Exchange& exchange, const volumes::BlockRight& right) {
  ASSIGN_OR_RETURN(auto receiver,
                   p_.uploads.receive(right.workspace, right.content, right.number, right.block));
  TRY(exchange.read_body([&](std::string_view piece) { return receiver.write(piece); }));
  TRY(receiver.finish());
  exchange.reply(200, "text/plain", "received");
  return {};
}

}  // namespace ionian::gateway
