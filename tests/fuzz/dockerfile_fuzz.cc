// Any bytes as a Dockerfile: parsing ends with lines in order or an error that names one; expanding
// any word of it ends, within its bound.
#include <cstdint>
#include <cstdlib>

#include "images/dockerfile.h"

namespace {

void require(bool held) {
  if (!held) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ionian;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const images::Lookup lookup = [](std::string_view name) -> std::optional<std::string> {
    if (name.size() % 2 == 0) return std::nullopt;
    return "value of " + std::string(name);
  };
  const auto expanded = images::expand(text, lookup);
  require(!expanded || expanded->size() <= 1 << 20);
  const auto lines = images::parse_dockerfile(text);
  if (!lines) {
    require(lines.error().code == Code::kInvalidArgument && !lines.error().message.empty());
    return 0;
  }
  int last = 0;
  for (const images::Instruction& one : *lines) {
    require(one.line > last && !one.text.empty());
    last = one.line;
    if (const auto* env = std::get_if<images::EnvLine>(&one.body))
      for (const auto& [name, word] : env->words) (void)images::expand(word, lookup);
  }
  return 0;
}
