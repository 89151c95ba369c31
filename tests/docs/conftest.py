import pytest

from tests.docs import compiling
from tests.docs.blocks import pages
from tests.docs.compiling import Compiled
from tests.docs.performing import modules_of_page
from tests.sdks.node import skip_without_node


@pytest.fixture(scope="session")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """Return the TypeScript of all pages, compiled."""
    skip_without_node()
    folder = tmp_path_factory.mktemp("typescript")
    return compiling.compiled([module for page in pages() for module in modules_of_page(page)], folder)
