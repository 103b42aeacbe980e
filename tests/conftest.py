"""Every coroutine test runs under trio, unless it says that it is Textual's (asyncio).

Property tests are derandomised and know no deadline: a busy machine is no failure, and a failure
can be repeated.
"""

import inspect
import signal

import hypothesis
import pytest

hypothesis.settings.register_profile("suite", deadline=None, derandomize=True)
hypothesis.settings.load_profile("suite")

# A shell starts its background jobs with SIGINT ignored, and so would every child of the tests be.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _is_coroutine(item: pytest.Function) -> bool:
    hypothesis_wrapped = getattr(item.obj, "hypothesis", None)
    function = hypothesis_wrapped.inner_test if hypothesis_wrapped else item.obj
    return inspect.iscoroutinefunction(function)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # pytest-trio's own trio_mode would take the asyncio tests too.
    for item in items:
        if not isinstance(item, pytest.Function) or item.get_closest_marker("asyncio"):
            continue
        if _is_coroutine(item) and not item.get_closest_marker("trio"):
            item.add_marker(pytest.mark.trio)
