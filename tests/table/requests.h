#pragma once
// Requests that name objects: which fields do, and how one is filled in.
#include <google/protobuf/descriptor.h>

#include "world.h"

namespace ionian::server {

// "AppCreate" of "/modal.client.ModalClient/AppCreate".
std::string short_name(const std::string& path);

// The object that a field of this name, in a request of this method, would name; "" for others.
std::string object_for(const Objects& o, const std::string& method,
                       const google::protobuf::FieldDescriptor& field);

// The way to a field inside a request, from the outside in.
using Path = std::vector<const google::protobuf::FieldDescriptor*>;
// All fields of a request that name objects, some messages deep.
void collect(const google::protobuf::Descriptor& type, const std::string& method, const Objects& o,
             Path path, std::vector<Path>& found);

// An id or a name of the same form that nothing has.
std::string unknown_like(const std::string& id);

// A request that names `own` objects everywhere but in one field.
rpc::MessagePtr request_with(const rpc::Method& method, const std::vector<Path>& fields,
                             const Objects& own, const Path& field, const std::string& value);

}  // namespace ionian::server
