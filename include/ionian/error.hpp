#pragma once
// What the library throws: the names and the tree of the Python client's modal.exception. what() is
// one line that says what was attempted, on which object, and why it failed; it never holds a
// secret.
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace ionian {
inline namespace v0 {

// The root: `catch (const ionian::Error&)` catches whatever the library throws.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
// An object of that name exists already.
struct AlreadyExistsError : Error {
  using Error::Error;
};
// No credentials, half of them, or ones that the server refuses.
struct AuthError : Error {
  using Error::Error;
};
// The client was closed, or its process forked, while the call was under way.
struct ClientClosed : Error {
  using Error::Error;
};
// The server cannot be reached; says the URL and the cause.
struct ConnectionError : Error {
  using Error::Error;
};
// Data was lost or damaged.
struct DataLossError : Error {
  using Error::Error;
};
// A value that came does not fit the type that was asked for.
struct DeserializationError : Error {
  using Error::Error;
};
// Something unexpected happened while a program ran.
struct ExecutionError : Error {
  using Error::Error;
};
// The server met a condition that only its own mistake explains.
struct InternalError : Error {
  using Error::Error;
};
// An internal error that is worth another try.
struct InternalFailure : Error {
  using Error::Error;
};
// The request, or a setting, cannot be carried out as it stands.
struct InvalidError : Error {
  using Error::Error;
};
// The request conflicts with the present state of the object.
struct ConflictError : InvalidError {
  using InvalidError::InvalidError;
};
// More logs were asked for than one call may fetch.
struct LogsFetchError : Error {
  using Error::Error;
};
// There is no such object, or the caller may not see it.
struct NotFoundError : Error {
  using Error::Error;
};
// The caller may not do that.
struct PermissionDeniedError : Error {
  using Error::Error;
};
// A queue's partition has no room.
struct QueueFull : Error {
  using Error::Error;
};
// The request is larger than the server takes.
struct RequestSizeError : Error {
  using Error::Error;
};
// A quota or a rate limit is reached.
struct ResourceExhaustedError : Error {
  using Error::Error;
};
// The sandbox was ended from outside.
struct SandboxTerminatedError : Error {
  using Error::Error;
};
// A value cannot be sent.
struct SerializationError : Error {
  using Error::Error;
};
// Client and server failed to talk: cancelled, timed out, unavailable.
struct ServiceError : Error {
  using Error::Error;
};
// A snapshot failed for good; the file system's state is gone.
struct SnapshotCreationError : Error {
  using Error::Error;
};
// The server does not offer this.
struct UnimplementedError : Error {
  using Error::Error;
};
// The server refuses this version of the client.
struct VersionError : Error {
  using Error::Error;
};
// A change to the workspace failed.
struct WorkspaceManagementError : Error {
  using Error::Error;
};
// The time given for the whole wait is over.
struct TimeoutError : Error {
  using Error::Error;
};
// A process in a sandbox ran longer than it may.
struct ExecTimeoutError : TimeoutError {
  using TimeoutError::TimeoutError;
};
// A function ran longer than it may.
struct FunctionTimeoutError : TimeoutError {
  using TimeoutError::TimeoutError;
};
// An interactive session could not connect in time.
struct InteractiveTimeoutError : TimeoutError {
  using TimeoutError::TimeoutError;
};
// Local files were not uploaded in time.
struct MountUploadTimeoutError : TimeoutError {
  using TimeoutError::TimeoutError;
};
// The result is no longer kept.
struct OutputExpiredError : TimeoutError {
  using TimeoutError::TimeoutError;
};
// A sandbox lived longer than it may.
struct SandboxTimeoutError : TimeoutError {
  using TimeoutError::TimeoutError;
};
// A volume's files were not uploaded in time.
struct VolumeUploadTimeoutError : TimeoutError {
  using TimeoutError::TimeoutError;
};
// An operation on a sandbox's files failed.
struct SandboxFilesystemError : Error {
  using Error::Error;
};
// The directory is not empty.
struct SandboxFilesystemDirectoryNotEmptyError : SandboxFilesystemError {
  using SandboxFilesystemError::SandboxFilesystemError;
};
// The file is larger than one read returns.
struct SandboxFilesystemFileTooLargeError : SandboxFilesystemError {
  using SandboxFilesystemError::SandboxFilesystemError;
};
// The path is a directory.
struct SandboxFilesystemIsADirectoryError : SandboxFilesystemError {
  using SandboxFilesystemError::SandboxFilesystemError;
};
// A part of the path is no directory.
struct SandboxFilesystemNotADirectoryError : SandboxFilesystemError {
  using SandboxFilesystemError::SandboxFilesystemError;
};
// The path does not exist.
struct SandboxFilesystemNotFoundError : SandboxFilesystemError {
  using SandboxFilesystemError::SandboxFilesystemError;
};
// The path exists already.
struct SandboxFilesystemPathAlreadyExistsError : SandboxFilesystemError {
  using SandboxFilesystemError::SandboxFilesystemError;
};
// The sandbox's user may not do that.
struct SandboxFilesystemPermissionError : SandboxFilesystemError {
  using SandboxFilesystemError::SandboxFilesystemError;
};

// A line of a callee's stack. Without debug information `file` is empty and `line` 0.
struct Frame {
  std::string function, file;
  int line = 0;
};

// The callee threw, in whatever language. what() is "Type: message".
class RemoteError : public Error {
 public:
  RemoteError(std::string type, std::string message, std::string traceback = {},
              std::vector<Frame> stack = {}, std::exception_ptr cause = nullptr)
      : Error(type + ": " + message),
        type_(std::move(type)),
        message_(std::move(message)),
        traceback_(std::move(traceback)),
        stack_(std::move(stack)),
        cause_(std::move(cause)) {}

  // "std::invalid_argument", "ValueError"
  const std::string& type() const noexcept { return type_; }
  const std::string& message() const noexcept { return message_; }
  // As the callee's language prints it.
  const std::string& traceback() const noexcept { return traceback_; }
  // Of a C++ callee: from the throw on, innermost first.
  const std::vector<Frame>& stack() const noexcept { return stack_; }
  // The exception again, if its type is known here; else null.
  std::exception_ptr cause() const { return cause_; }

 private:
  std::string type_, message_, traceback_;
  std::vector<Frame> stack_;
  std::exception_ptr cause_;
};

// An image could not be built; `image_id` finds its log.
class ImageBuildError : public RemoteError {
 public:
  ImageBuildError(std::string message, std::string image_id)
      : RemoteError("ImageBuildError", std::move(message)), image_id_(std::move(image_id)) {}
  const std::string& image_id() const noexcept { return image_id_; }

 private:
  std::string image_id_;
};

// The input was cancelled. Deliberately no std::exception: a catch-all for errors must not swallow
// it.
struct InputCancellation {};

}  // namespace v0
}  // namespace ionian
