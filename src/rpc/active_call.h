#pragma once
// The reactor behind every call.
#include <grpcpp/generic/async_generic_service.h>

#include "rpc/pipeline.h"

namespace ionian::rpc {

grpc::ServerGenericBidiReactor* start_call(Pipeline& pipeline,
                                           grpc::GenericCallbackServerContext* context);

}  // namespace ionian::rpc
