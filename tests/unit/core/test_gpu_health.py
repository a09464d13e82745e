import pytest

from homeport.core.gpu_health import Signs, fault_of, fault_of_xid


@pytest.mark.parametrize(
    ("xid", "is_fault"), [(13, False), (31, False), (43, False), (48, True), (79, True), (119, True)]
)
def test_what_programs_do_is_not_the_hardwares_fault(xid: int, is_fault: bool) -> None:
    assert bool(fault_of_xid(xid)) is is_fault


@pytest.mark.parametrize(
    ("signs", "forgiven", "fault"),
    [
        (Signs(), 0, ""),
        (Signs("GPU is lost"), 0, "GPU is lost"),
        (Signs("is not there any more"), 0, "is not there any more"),
        (Signs("does not answer within 10 s"), 0, ""),
        (Signs("Driver Not Loaded"), 0, ""),
        (Signs(ecc_uncorrected=2), 0, "2 uncorrectable memory errors"),
        (Signs(ecc_uncorrected=2), 2, ""),
        (Signs(ecc_uncorrected=3), 2, "3 uncorrectable memory errors"),
        (Signs(remap_failed=True), 9, "a bad memory row could not be replaced"),
    ],
)
def test_a_fault_is_what_does_not_pass_by_itself(signs: Signs, forgiven: int, fault: str) -> None:
    assert fault_of(signs, forgiven) == fault
