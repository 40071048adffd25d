// Two handlers of XLA's foreign functions, through its C interface: dendnet_xla_forward and dendnet_xla_gradients.
#include "xla/ffi/api/c_api.h"

// Answers what is asked while a handler is registered, its version; true if that was all.
static bool is_registration(XLA_FFI_CallFrame* frame) {
  for (XLA_FFI_Extension_Base* at = frame->extension_start; at; at = at->next)
    if (at->type == XLA_FFI_Extension_Metadata) {
      XLA_FFI_Metadata* metadata = ((XLA_FFI_Metadata_Extension*)at)->metadata;
      metadata->api_version.major_version = XLA_FFI_API_MAJOR;
      metadata->api_version.minor_version = XLA_FFI_API_MINOR;
      metadata->traits = 0;
      return true;
    }
  return frame->stage != XLA_FFI_ExecutionStage_EXECUTE;
}

static XLA_FFI_Buffer* input(XLA_FFI_CallFrame* frame, int i) { return (XLA_FFI_Buffer*)frame->args.args[i]; }
static REAL* data(XLA_FFI_Buffer* buffer) { return (REAL*)buffer->data; }
static REAL* output(XLA_FFI_CallFrame* frame, int i) { return data((XLA_FFI_Buffer*)frame->rets.rets[i]); }

static Problem problem_of(XLA_FFI_CallFrame* frame) {
  XLA_FFI_Buffer *x = input(frame, 0), *kernel = input(frame, 1), *bias = input(frame, 2);
  auto settings = (const int64_t*)((XLA_FFI_Array*)frame->attrs.attrs[0])->data;  // the only attribute
  return problem(x->dims, kernel->dims, kernel->rank - 2, bias->rank == 2, settings);
}

extern "C" XLA_FFI_Error* dendnet_xla_forward(XLA_FFI_CallFrame* frame) {
  if (is_registration(frame)) return nullptr;
  forward(problem_of(frame), data(input(frame, 0)), data(input(frame, 1)), data(input(frame, 2)), output(frame, 0));
  return nullptr;
}

extern "C" XLA_FFI_Error* dendnet_xla_gradients(XLA_FFI_CallFrame* frame) {
  if (is_registration(frame)) return nullptr;
  gradients(problem_of(frame), data(input(frame, 0)), data(input(frame, 1)), data(input(frame, 2)),
            data(input(frame, 3)), output(frame, 0), output(frame, 1), output(frame, 2));
  return nullptr;
}
