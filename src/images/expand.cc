#include <algorithm>

#include "images/dockerfile.h"

namespace ionian::images {
namespace {

constexpr std::size_t kLimit = 1 << 20;
constexpr int kDepthLimit = 16;

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

class Expander {
 public:
  Expander(std::string_view text, const Lookup& lookup) : rest_(text), lookup_(lookup) {}

  // Up to the end of the text, or up to the brace that closes a default.
  Result<std::string> words(bool in_brace, int depth) {
    if (depth > kDepthLimit) return fail(Code::kInvalidArgument, "variables are nested too deep");
    std::string out;
    while (!rest_.empty() && !(in_brace && rest_.front() == '}')) {
      if (out.size() > kLimit) return fail(Code::kInvalidArgument, "a value is longer than 1 MiB");
      const char c = take();
      if (c == '\'')
        TRY(single_quoted(out));
      else if (c == '"')
        TRY(double_quoted(out, depth));
      else if (c == '\\')
        out += rest_.empty() ? '\\' : take();
      else if (c == '$')
        TRY(variable(out, depth));
      else
        out += c;
    }
    return out;
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  Result<void> single_quoted(std::string& out) {
    const std::size_t end = rest_.find('\'');
    if (end == rest_.npos) return fail(Code::kInvalidArgument, "a single quote is not closed");
    out += rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return {};
  }

  Result<void> double_quoted(std::string& out, int depth) {
    while (!rest_.empty()) {
      const char c = take();
      if (c == '"') return {};
      if (c == '\\' && !rest_.empty() &&
          std::string_view("\"$\\").find(rest_.front()) != std::string_view::npos)
        out += take();
      else if (c == '$')
        TRY(variable(out, depth));
      else
        out += c;
    }
    return fail(Code::kInvalidArgument, "a double quote is not closed");
  }

  std::string_view take_name() {
    std::size_t n = 0;
    while (n < rest_.size() && is_name(rest_[n])) ++n;
    const std::string_view name = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return name;
  }

  // What follows a dollar sign.
  Result<void> variable(std::string& out, int depth) {
    if (rest_.empty() || (rest_.front() != '{' && !is_name(rest_.front()))) {
      out += '$';
      return {};
    }
    if (rest_.front() != '{') {
      out += lookup_(take_name()).value_or("");
      return {};
    }
    take();
    const std::string_view name = take_name();
    if (name.empty() || rest_.empty())
      return fail(Code::kInvalidArgument, "a \"${\" has no name or is not closed");
    std::optional<std::string> value = lookup_(name);
    if (rest_.front() == ':') {
      take();
      // With the colon an empty value counts as none.
      if (value && value->empty()) value.reset();
    }
    if (rest_.empty()) return fail(Code::kInvalidArgument, "\"${", name, "\" is not closed");
    const char op = take();
    if (op == '}') {
      out += value.value_or("");
      return {};
    }
    if (op != '-' && op != '+' && op != '?')
      return fail(Code::kInvalidArgument, "\"${", name, op, "\" is not supported");
    ASSIGN_OR_RETURN(const std::string word, words(true, depth + 1));
    if (rest_.empty()) return fail(Code::kInvalidArgument, "\"${", name, "\" is not closed");
    take();
    if (op == '?' && !value) return fail(Code::kInvalidArgument, name, ": ", word);
    if (op == '+')
      out += value ? word : "";
    else
      out += value ? *value : word;
    return {};
  }

  std::string_view rest_;
  const Lookup& lookup_;
};

}  // namespace

Result<std::string> expand(std::string_view word, const Lookup& lookup) {
  return Expander(word, lookup).words(false, 0);
}

}  // namespace ionian::images
