#include "container/spec_check.h"

#include <algorithm>
#include <cctype>

namespace ionian::container {
namespace {

constexpr std::size_t kMaxId = 64;

bool is_id(const std::string& id) {
  return !id.empty() && id.size() <= kMaxId && id.front() != '.' &&
         std::ranges::all_of(id, [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
         });
}

}  // namespace

bool open_to_all(const ContainerSpec& spec) {
  return !spec.user().empty() && spec.user() != "root" && spec.user() != "0";
}

Result<void> check_spec(const ContainerSpec& spec) {
  if (!is_id(spec.id())) return fail(Code::kInvalidArgument, "container id '", spec.id(), "'");
  if (spec.args().empty() || spec.args(0).empty())
    return fail(Code::kInvalidArgument, "container ", spec.id(), " has no program to run");
  if (spec.lowers().empty())
    return fail(Code::kInvalidArgument, "container ", spec.id(), " has no layer");
  for (const std::string* path : {&spec.upper_dir(), &spec.upper_work_dir()})
    if (!path->starts_with('/'))
      return fail(Code::kInvalidArgument, "folder '", *path, "' is not absolute");
  for (const Bind& bind : spec.binds())
    if (!bind.source().starts_with('/') || !bind.target().starts_with('/'))
      return fail(Code::kInvalidArgument, "bind ", bind.source(), " to ", bind.target(),
                  " is not absolute");
  for (const Overlay& overlay : spec.overlays())
    if (!overlay.target().starts_with('/') || !overlay.upper_dir().starts_with('/') ||
        overlay.lowers().empty())
      return fail(Code::kInvalidArgument, "overlay at ", overlay.target(), " is not whole");
  if (spec.zygote() && (spec.network() != NETWORK_NONE || !spec.user().empty()))
    return fail(Code::kInvalidArgument, "a zygote has neither a network nor a user");
  if (!spec.forked_from().empty() && (open_to_all(spec) || spec.allow_setuid()))
    return fail(Code::kInvalidArgument, "a copy of a program has the rights of root, and no more");
  for (const Served& served : spec.served())
    if (!served.target().starts_with('/') || !served.server().served().empty())
      return fail(Code::kInvalidArgument, "what is served at ", served.target(), " makes no sense");
  return {};
}

}  // namespace ionian::container
