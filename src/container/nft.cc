#include "container/nft.h"

#include <dlfcn.h>
#include <nftables/libnftables.h>

#include <algorithm>

namespace ionian::container {
namespace {

struct Library {
  decltype(&nft_ctx_new) create = nullptr;
  decltype(&nft_ctx_free) destroy = nullptr;
  decltype(&nft_ctx_buffer_error) buffer_error = nullptr;
  decltype(&nft_ctx_buffer_output) buffer_output = nullptr;
  decltype(&nft_ctx_get_error_buffer) error = nullptr;
  decltype(&nft_ctx_get_output_buffer) output = nullptr;
  decltype(&nft_run_cmd_from_buffer) run = nullptr;
};

template <class Function>
bool find(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  return function != nullptr;
}

Result<Library> load() {
  void* handle = ::dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL);
  Library library;
  if (!handle || !find(handle, "nft_ctx_new", library.create) ||
      !find(handle, "nft_ctx_free", library.destroy) ||
      !find(handle, "nft_ctx_buffer_error", library.buffer_error) ||
      !find(handle, "nft_ctx_buffer_output", library.buffer_output) ||
      !find(handle, "nft_ctx_get_error_buffer", library.error) ||
      !find(handle, "nft_ctx_get_output_buffer", library.output) ||
      !find(handle, "nft_run_cmd_from_buffer", library.run))
    return fail(Code::kFailedPrecondition, "libnftables (package libnftables1) is missing");
  return library;
}

}  // namespace

Result<std::string> run_nft(const std::string& commands) {
  ASSIGN_OR_RETURN(const Library library, load());
  nft_ctx* context = library.create(NFT_CTX_DEFAULT);
  if (!context) return fail(Code::kResourceExhausted, "nft: out of memory");
  library.buffer_error(context);
  library.buffer_output(context);
  const int failed = library.run(context, commands.c_str());
  std::string said = failed ? library.error(context) : library.output(context);
  library.destroy(context);
  if (failed) return fail(Code::kPermissionDenied, "nft: ", said.substr(0, said.find('\n')));
  return said;
}

std::string find_forward_drop(std::string_view links) {
  const Result<std::string> listed = run_nft("list ruleset");
  if (!listed) return "";
  constexpr std::string_view kTable = "table ";
  const std::string ours = cat('"', links);
  std::string_view ruleset = *listed;
  std::string table;
  bool drops = false, names_ours = false;
  const auto found = [&] { return drops && !names_ours && !table.starts_with("inet ionian_"); };
  while (!ruleset.empty()) {
    const std::string_view line = ruleset.substr(0, ruleset.find('\n'));
    ruleset.remove_prefix(std::min(ruleset.size(), line.size() + 1));
    if (line.starts_with(kTable)) {
      if (found()) return table;
      table = line.substr(kTable.size(), line.find(" {") - kTable.size());
      drops = names_ours = false;
    }
    drops |= line.find("hook forward") != line.npos && line.find("policy drop") != line.npos;
    names_ours |= line.find(ours) != line.npos;
  }
  return found() ? table : "";
}

}  // namespace ionian::container
