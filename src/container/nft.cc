#include "container/nft.h"

#include <dlfcn.h>
#include <nftables/libnftables.h>

namespace ionian::container {
namespace {

struct Library {
  decltype(&nft_ctx_new) create = nullptr;
  decltype(&nft_ctx_free) destroy = nullptr;
  decltype(&nft_ctx_buffer_error) buffer_error = nullptr;
  decltype(&nft_ctx_buffer_output) buffer_output = nullptr;
  decltype(&nft_ctx_get_error_buffer) error = nullptr;
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
      !find(handle, "nft_run_cmd_from_buffer", library.run))
    return fail(Code::kFailedPrecondition, "libnftables (package libnftables1) is missing");
  return library;
}

}  // namespace

Result<void> run_nft(const std::string& commands) {
  ASSIGN_OR_RETURN(const Library library, load());
  nft_ctx* context = library.create(NFT_CTX_DEFAULT);
  if (!context) return fail(Code::kResourceExhausted, "nft: out of memory");
  library.buffer_error(context);
  library.buffer_output(context);
  const int failed = library.run(context, commands.c_str());
  std::string said;
  if (failed) said = library.error(context);
  library.destroy(context);
  if (failed) return fail(Code::kPermissionDenied, "nft: ", said.substr(0, said.find('\n')));
  return {};
}

}  // namespace ionian::container
