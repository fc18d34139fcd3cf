// What the spawner is asked to make, whole and broken. The input is a ContainerSpec as text or,
// where it is none, as bytes. What check_spec() lets pass has an id that is a file's name and
// absolute paths; a user is found, or refused, in any file of users.
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "container/spec_check.h"
#include "container/user.h"

namespace ionian::container {
namespace {

class Silence final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int, google::protobuf::io::ColumnNumber, const std::string&) override {}
};

ContainerSpec spec_of(const std::string& input) {
  Silence silence;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&silence);
  ContainerSpec spec;
  if (!parser.ParseFromString(input, &spec)) (void)spec.ParsePartialFromString(input);
  return spec;
}

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "let pass: %s\n", what);
  std::abort();
}

void try_spec(const ContainerSpec& spec) {
  const auto file = [&](int n) {
    return n < spec.files_size() ? spec.files(n).content() : std::string();
  };
  (void)find_user(spec.user(), file(0), file(1));
  if (!check_spec(spec)) return;
  must(!spec.id().empty() && spec.id().size() <= 64 && spec.id().find('/') == std::string::npos &&
           spec.id().front() != '.',
       "an id that is no name of a file");
  must(spec.args_size() > 0 && spec.lowers_size() > 0, "no program or no layer");
  must(spec.upper_dir().starts_with('/') && spec.upper_work_dir().starts_with('/'),
       "an upper that is not absolute");
  for (const Bind& bind : spec.binds())
    must(bind.source().starts_with('/') && bind.target().starts_with('/'),
         "a bind that is not absolute");
  for (const Overlay& overlay : spec.overlays())
    must(overlay.target().starts_with('/') && overlay.lowers_size() > 0, "half an overlay");
  must(!spec.zygote() || spec.network() == NETWORK_NONE, "a zygote with a network");
  must(spec.forked_from().empty() || !open_to_all(spec), "a copy with another user");
}

}  // namespace
}  // namespace ionian::container

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ionian::container;
  // It would say of each text that it is no UTF-8.
  [[maybe_unused]] static const auto before = google::protobuf::SetLogHandler(nullptr);
  try_spec(spec_of(std::string(reinterpret_cast<const char*>(data), size)));
  return 0;
}
