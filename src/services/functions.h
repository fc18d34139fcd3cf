#pragma once
// Functions and classes: announced, then defined.
#include "modal_proto/class.pb.h"
#include "modal_proto/function.pb.h"
#include "services/context.h"
#include "store/apps.h"

namespace ionian::services {

// What clients keep of a function: its handle.
modal::client::FunctionHandleMetadata handle_of(const store::Function& record,
                                                const modal::client::Function& definition);
// The same function as the message that newer clients read; it must hold at least one ranked
// function.
modal::client::FunctionData data_of(const modal::client::Function& definition);
// The GPUs that it takes, the first preferred; empty = none.
std::vector<core::GpuWish> gpus_of(const modal::client::Function& definition);
// The machine's, as the core counts them.
std::vector<core::Device> offered_devices(const Context& c);
// What the core needs to schedule it.
core::FunctionConfig config_of(const store::Function& record,
                               const modal::client::Function& definition,
                               const WorkspaceId& workspace);

// What a function asks for must be there, and the caller must be allowed to use it.
Result<void> check_definition(const Context& c, store::View& view, const rpc::Call& call,
                              const modal::client::Function& definition);

class Functions {
 public:
  explicit Functions(Context& context) : c_(context) {}
  void bind(rpc::Table& table);

 private:
  // FunctionPrecreate. Gives a function its id before its dependencies are known, so that it can
  // refer to itself.
  Result<modal::client::FunctionPrecreateResponse> precreate(
      rpc::Call& call, const modal::client::FunctionPrecreateRequest& request, store::Tx& tx);

  // FunctionCreate. Takes either `function` or, with alternatives for the machine, `function_data`.
  //   errors   NOT_FOUND app, function, image · INVALID_ARGUMENT resources that this machine does
  //   not have
  Result<modal::client::FunctionCreateResponse> create(
      rpc::Call& call, const modal::client::FunctionCreateRequest& request, store::Tx& tx);

  // ClassCreate. A class is its service function; the record gives it an id of its own.
  Result<modal::client::ClassCreateResponse> create_class(
      rpc::Call& call, const modal::client::ClassCreateRequest& request, store::Tx& tx);

  // FunctionGetSerialized. Containers of clients before 1.0 fetch pickled functions this way.
  Result<modal::client::FunctionGetSerializedResponse> get_serialized(
      rpc::Call& call, const modal::client::FunctionGetSerializedRequest& request,
      store::View& view);

  Context& c_;
};

}  // namespace ionian::services
