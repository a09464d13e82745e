/* A stand-in for libnvidia-ml.so.1, as far as pynvml calls it here. What it says is scripted by its environment:
 *   FAKE_NVML_GPUS        how many GPUs there are (default 0)
 *   FAKE_NVML_NAME        what they are called (default NVIDIA Fake 24GB)
 *   FAKE_NVML_GIB         how much memory each has (default 24)
 *   FAKE_NVML_LOST        index of a GPU that fell off the bus: its handle can be had, nothing else
 *   FAKE_NVML_HANG        index of a GPU whose queries never return, or "init"
 *   FAKE_NVML_INIT_ERROR  the code that nvmlInit returns
 *   FAKE_NVML_ECC         index of a GPU with 3 uncorrected memory errors
 *   FAKE_NVML_REMAP       index of a GPU with a memory row that could not be replaced
 *   FAKE_NVML_XID         the XID that GPU 1 reports, once
 *   FAKE_NVML_USED_GIB    how much of the memory of each is in use (default 1)
 *   FAKE_NVML_MIG         index of a GPU that is cut into slices of 3 and 1 sevenths, of which the second is numbered 2
 *   FAKE_NVML_MIG_NAMES   0: a driver that does not tell profiles in names
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int nvmlReturn_t;
typedef struct { char busIdLegacy[16]; unsigned domain, bus, device, pciDeviceId, pciSubSystemId; char busId[32]; } pci_t;
typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct { unsigned gpu, memory; } utilization_t;
typedef struct { void *device; unsigned long long type, data; unsigned gpuInstance, computeInstance; } event_t;

typedef struct { unsigned multiprocessors, copy, decoder, encoder, jpeg, ofa, gpu, compute; unsigned long memory_mb; } attributes_t;

enum { SUCCESS = 0, INVALID = 2, NOT_FOUND = 6, TIMED_OUT = 10, LOST = 15 };
/* Handles of slices: those of their GPU and so much for each number. */
enum { SLICE = 1000 };

static int number(const char *name, int otherwise) {
    const char *text = getenv(name);
    return text && *text ? atoi(text) : otherwise;
}

static void hang(void) { for (;;) pause(); }

static int slice_of(void *handle) { return (int)(long)handle / SLICE; }

/* Handles are index + 1, so that none is NULL. */
static nvmlReturn_t reach(void *handle) {
    int index = (int)(long)handle % SLICE - 1;
    const char *hanging = getenv("FAKE_NVML_HANG");
    if (hanging && strcmp(hanging, "init") != 0 && atoi(hanging) == index) hang();
    return index == number("FAKE_NVML_LOST", -1) ? LOST : SUCCESS;
}

nvmlReturn_t nvmlInitWithFlags(unsigned flags) {
    const char *hanging = getenv("FAKE_NVML_HANG");
    (void)flags;
    if (hanging && strcmp(hanging, "init") == 0) hang();
    return number("FAKE_NVML_INIT_ERROR", SUCCESS);
}

nvmlReturn_t nvmlShutdown(void) { return SUCCESS; }

const char *nvmlErrorString(nvmlReturn_t code) {
    return code == LOST ? "GPU is lost" : code == 9 ? "Driver Not Loaded" : "Unknown Error";
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *text, unsigned size) {
    snprintf(text, size, "570.00.01");
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *count) {
    *count = (unsigned)number("FAKE_NVML_GPUS", 0);
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
    if ((int)index >= number("FAKE_NVML_GPUS", 0)) return INVALID;
    *handle = (void *)(long)(index + 1);
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetUUID(void *handle, char *text, unsigned size) {
    nvmlReturn_t code = reach(handle);
    if (code == SUCCESS && slice_of(handle)) snprintf(text, size, "MIG-fake-%d", slice_of(handle));
    else if (code == SUCCESS) snprintf(text, size, "GPU-fake-%ld", (long)handle - 1);
    return code;
}

nvmlReturn_t nvmlDeviceGetName(void *handle, char *text, unsigned size) {
    nvmlReturn_t code = reach(handle);
    const char *name = getenv("FAKE_NVML_NAME");
    const char *profile = slice_of(handle) == 1 ? " MIG 3g.12gb" : slice_of(handle) ? " MIG 1g.3gb" : "";
    if (!number("FAKE_NVML_MIG_NAMES", 1)) profile = "";
    if (code == SUCCESS) snprintf(text, size, "%s%s", name ? name : "NVIDIA Fake 24GB", profile);
    return code;
}

nvmlReturn_t nvmlDeviceGetPciInfo_v3(void *handle, pci_t *info) {
    nvmlReturn_t code = reach(handle);
    memset(info, 0, sizeof *info);
    if (code == SUCCESS) snprintf(info->busId, sizeof info->busId, "00000000:%02lX:00.0", (long)handle);
    return code;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo(void *handle, memory_t *memory) {
    nvmlReturn_t code = reach(handle);
    memory->total = (unsigned long long)number("FAKE_NVML_GIB", 24) << 30;
    if (slice_of(handle)) memory->total = (slice_of(handle) == 1 ? 12ULL : 3ULL) << 30;
    memory->used = (unsigned long long)number("FAKE_NVML_USED_GIB", 1) << 30;
    memory->free = memory->total - memory->used;
    return code;
}

nvmlReturn_t nvmlDeviceGetUtilizationRates(void *handle, utilization_t *rates) {
    rates->gpu = 7;
    rates->memory = 3;
    return reach(handle);
}

nvmlReturn_t nvmlDeviceGetCudaComputeCapability(void *handle, int *major, int *minor) {
    *major = 9;
    *minor = 0;
    return reach(handle);
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version) {
    *version = 12080;
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMigMode(void *handle, unsigned *current, unsigned *pending) {
    *current = *pending = (long)handle - 1 == number("FAKE_NVML_MIG", -1);
    return reach(handle);
}

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(void *handle, unsigned *count) {
    *count = 7;
    return reach(handle);
}

nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(void *handle, unsigned index, void **slice) {
    if (index != 0 && index != 2) return NOT_FOUND;
    *slice = (void *)((long)handle + SLICE * (long)(index + 1));
    return reach(handle);
}

nvmlReturn_t nvmlDeviceGetAttributes_v2(void *handle, attributes_t *attributes) {
    memset(attributes, 0, sizeof *attributes);
    attributes->gpu = attributes->compute = slice_of(handle) == 1 ? 3 : 1;
    attributes->memory_mb = slice_of(handle) == 1 ? 11900 : 2900;
    return reach(handle);
}

nvmlReturn_t nvmlDeviceGetTotalEccErrors(void *handle, int type, int counter, unsigned long long *count) {
    (void)type, (void)counter;
    *count = (long)handle - 1 == number("FAKE_NVML_ECC", -1) ? 3 : 0;
    return reach(handle);
}

nvmlReturn_t nvmlDeviceGetRemappedRows(
    void *handle, unsigned *corrected, unsigned *uncorrected, unsigned *pending, unsigned *failed) {
    *corrected = *uncorrected = *pending = 0;
    *failed = (long)handle - 1 == number("FAKE_NVML_REMAP", -1);
    return reach(handle);
}

nvmlReturn_t nvmlEventSetCreate(void **set) {
    *set = (void *)1L;
    return SUCCESS;
}

nvmlReturn_t nvmlDeviceRegisterEvents(void *handle, unsigned long long types, void *set) {
    (void)types, (void)set;
    return reach(handle);
}

nvmlReturn_t nvmlEventSetWait_v2(void *set, event_t *event, unsigned milliseconds) {
    static int told = 0;
    (void)set;
    if (told || !getenv("FAKE_NVML_XID")) {
        usleep(milliseconds * 1000);
        return TIMED_OUT;
    }
    told = 1;
    memset(event, 0, sizeof *event);
    event->device = (void *)2L;
    event->data = (unsigned long long)number("FAKE_NVML_XID", 0);
    return SUCCESS;
}
