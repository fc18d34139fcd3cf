#pragma once
#include <google/protobuf/message.h>

#include <string>

namespace ionian::services {

// Equal messages have equal bytes: maps are written in the order of their keys.
std::string stable_bytes(const google::protobuf::Message& message);

}  // namespace ionian::services
