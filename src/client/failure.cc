#include "client/session.h"
#include "ionian/error.hpp"
#include "modal_proto/client.pb.h"

namespace ionian::client {

// As the official clients do; a code that only a broken
// connection explains is a ServiceError.
void throw_failure(const Failure& failure) {
  const std::string& text = failure.status.message;
  if (failure.kind == Failure::Kind::kUnreachable) throw ConnectionError(text);
  if (failure.kind == Failure::Kind::kClosed) throw ClientClosed(text);
  switch (failure.status.code) {
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
      throw InvalidError(text);
    case Code::kNotFound:
      throw NotFoundError(text);
    case Code::kAlreadyExists:
      throw AlreadyExistsError(text);
    case Code::kPermissionDenied:
      throw PermissionDeniedError(text);
    case Code::kResourceExhausted:
      throw ResourceExhaustedError(text);
    case Code::kFailedPrecondition:
    case Code::kAborted:
      throw ConflictError(text);
    case Code::kUnimplemented:
      throw UnimplementedError(text);
    case Code::kUnauthenticated:
      throw AuthError(text);
    case Code::kInternal:
      throw InternalError(text);
    case Code::kDataLoss:
      throw DataLossError(text);
    case Code::kOk:
    case Code::kCancelled:
    case Code::kUnknown:
    case Code::kDeadlineExceeded:
    case Code::kUnavailable:
      break;
  }
  throw ServiceError(text);
}

void say_hello(Session& session) {
  auto answer = session.try_call("ClientHello", "");
  if (!answer) {
    const Status& status = answer.error().status;
    if (answer.error().kind == Failure::Kind::kServer && status.code == Code::kUnimplemented)
      throw ConnectionError(cat("cannot use ", session.server_url(),
                                ": it is a gRPC server, but not one of Ionian or Modal. The "
                                "setting server_url (from ",
                                session.server_url_origin(), ") decides where the server is"));
    if (answer.error().kind == Failure::Kind::kServer && status.code == Code::kFailedPrecondition)
      throw VersionError(status.message);
    throw_failure(answer.error());
  }
  modal::client::ClientHelloResponse reply;
  if (!reply.ParseFromString(answer->body))
    throw InternalError("ClientHello: the server's reply is no valid message");
  if (!reply.warning().empty()) session.log(LogLevel::kWarning, reply.warning());
  for (const auto& warning : reply.server_warnings())
    session.log(LogLevel::kWarning, warning.message());
}

}  // namespace ionian::client
