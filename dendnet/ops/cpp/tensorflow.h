// Two operators of TensorFlow, through its C interface: DendnetForward and DendnetGradients, with the type in their name.
#include <string>

#include "tensorflow/c/kernels.h"
#include "tensorflow/c/ops.h"

constexpr TF_DataType TYPE = sizeof(REAL) == 4 ? TF_FLOAT : TF_DOUBLE;

struct Settings {
  std::vector<int64_t> values;
};

static void* new_settings(TF_OpKernelConstruction* construction) {
  TF_Status* status = TF_NewStatus();
  int32_t count = 0, total = 0;
  TF_OpKernelConstruction_GetAttrSize(construction, "settings", &count, &total, status);
  Settings* settings = new Settings{std::vector<int64_t>(count)};
  TF_OpKernelConstruction_GetAttrInt64List(construction, "settings", settings->values.data(), count, status);
  if (TF_GetCode(status) != TF_OK) TF_OpKernelConstruction_Failure(construction, status);
  TF_DeleteStatus(status);
  return settings;
}

static void delete_settings(void* settings) { delete (Settings*)settings; }

static std::vector<int64_t> shape_of(const TF_Tensor* tensor) {
  std::vector<int64_t> shape(TF_NumDims(tensor));
  for (size_t d = 0; d < shape.size(); d++) shape[d] = TF_Dim(tensor, d);
  return shape;
}

// An operator's inputs and outputs while it runs.
struct Call {
  TF_OpKernelContext* context;
  TF_Status* status = TF_NewStatus();
  std::vector<TF_Tensor*> tensors;

  ~Call() {
    for (TF_Tensor* tensor : tensors) TF_DeleteTensor(tensor);
    if (TF_GetCode(status) != TF_OK) TF_OpKernelContext_Failure(context, status);
    TF_DeleteStatus(status);
  }
  bool ok() const { return TF_GetCode(status) == TF_OK; }
  void take(int inputs) {
    for (int i = 0; i < inputs && ok(); i++) {
      TF_Tensor* tensor = nullptr;
      TF_GetInput(context, i, &tensor, status);
      if (ok()) tensors.push_back(tensor);
    }
  }
  REAL* data(int i) const { return (REAL*)TF_TensorData(tensors[i]); }
  REAL* make(int output, const std::vector<int64_t>& shape) {
    size_t bytes = sizeof(REAL);
    for (int64_t size : shape) bytes *= size;
    TF_Tensor* tensor = TF_AllocateOutput(context, output, TYPE, shape.data(), shape.size(), bytes, status);
    if (!ok()) return nullptr;
    tensors.push_back(tensor);
    return (REAL*)TF_TensorData(tensor);
  }
  Problem problem_of(const Settings* settings) const {
    auto x = shape_of(tensors[0]), kernel = shape_of(tensors[1]);
    return problem(x.data(), kernel.data(), kernel.size() - 2, TF_NumDims(tensors[2]) == 2, settings->values.data());
  }
};

static void compute_forward(void* settings, TF_OpKernelContext* context) {
  Call call{context};
  call.take(3);
  if (!call.ok()) return;
  Problem p = call.problem_of((Settings*)settings);
  std::vector<int64_t> shape = shape_of(call.tensors[0]);
  int rank = shape.size() - 2;
  for (int a = 0; a < rank; a++) shape[1 + a] = p.axis[3 - rank + a].out;
  shape.back() = p.m;
  REAL* y = call.make(0, shape);
  if (y || call.ok()) forward(p, call.data(0), call.data(1), call.data(2), y);
}

static void compute_gradients(void* settings, TF_OpKernelContext* context) {
  Call call{context};
  call.take(4);
  if (!call.ok()) return;
  Problem p = call.problem_of((Settings*)settings);
  REAL* made[3];
  for (int i = 0; i < 3 && call.ok(); i++) made[i] = call.make(i, shape_of(call.tensors[i]));
  if (call.ok()) gradients(p, call.data(0), call.data(1), call.data(2), call.data(3), made[0], made[1], made[2]);
}

static void shape_forward(TF_ShapeInferenceContext* context, TF_Status* status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);  // native_tensorflow.py knows what can be known
}

static void shape_gradients(TF_ShapeInferenceContext* context, TF_Status* status) {
  for (int i = 0; i < 3 && TF_GetCode(status) == TF_OK; i++) {
    TF_ShapeHandle* shape = TF_NewShapeHandle();
    TF_ShapeInferenceContextGetInput(context, i, shape, status);
    TF_ShapeInferenceContextSetOutput(context, i, shape, status);
    TF_DeleteShapeHandle(shape);
  }
}

static void add_operator(const std::string& name, int inputs, int outputs,
                         void (*shape)(TF_ShapeInferenceContext*, TF_Status*),
                         void (*compute)(void*, TF_OpKernelContext*)) {
  const std::string type = sizeof(REAL) == 4 ? ": float" : ": double";
  const char* names[] = {"x", "kernel", "bias", "dy"};
  TF_Status* status = TF_NewStatus();
  TF_OpDefinitionBuilder* op = TF_NewOpDefinitionBuilder(name.c_str());
  for (int i = 0; i < inputs; i++) TF_OpDefinitionBuilderAddInput(op, (names[i] + type).c_str());
  for (int i = 0; i < outputs; i++)
    TF_OpDefinitionBuilderAddOutput(op, ((outputs == 1 ? "y" : std::string("d") + names[i]) + type).c_str());
  TF_OpDefinitionBuilderAddAttr(op, "settings: list(int)");
  TF_OpDefinitionBuilderSetShapeInferenceFunction(op, shape);
  TF_RegisterOpDefinition(op, status);
  TF_KernelBuilder* kernel = TF_NewKernelBuilder(name.c_str(), "CPU", new_settings, compute, delete_settings);
  TF_RegisterKernelBuilder(name.c_str(), kernel, status);
  TF_DeleteStatus(status);
}

__attribute__((constructor)) static void add_operators() {
  const std::string type = sizeof(REAL) == 4 ? "Float32" : "Float64";
  add_operator("DendnetForward" + type, 3, 1, shape_forward, compute_forward);
  add_operator("DendnetGradients" + type, 4, 3, shape_gradients, compute_gradients);
}
