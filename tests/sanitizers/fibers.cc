// What a thread runs: itself, or one of its coroutines. The sanitizers have to be told of each
// change of stacks, or they take an exception on a coroutine's for an overflow of the thread's.
// Boost's coroutines tell them if they are made of ucontext, and Debian builds boost_context
// without that; this is the one piece of it that no header has.
#include <boost/context/fiber.hpp>

namespace boost::context::detail {

// Not inline: a coroutine goes on in another thread, whose address of a thread_local is another.
fiber_activation_record*& fiber_activation_record::current() noexcept {
  thread_local fiber_activation_record of_thread;
  thread_local fiber_activation_record* runs = &of_thread;
  return runs;
}

fiber_activation_record_initializer::fiber_activation_record_initializer() noexcept = default;
fiber_activation_record_initializer::~fiber_activation_record_initializer() = default;

}  // namespace boost::context::detail
