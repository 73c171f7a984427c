"""Memory that runs out in the store's writer: clients are put off, and all goes on when there is some
again."""

import unittest

from faults import QUICK, FaultyHouse
from house import eventually
from load import Load, assert_served_well

HONEST = [f"127.0.0.{n}" for n in range(2, 6)]


class Memory(unittest.TestCase):
    # Only what is a buffer or larger: the answers to sessions need a few small pieces.
    def test_a_writer_without_memory_puts_clients_off_and_goes_on(self):
        with FaultyHouse(*QUICK) as house:
            with Load(house.gateway, "memory", HONEST) as load:
                for every in (1, 2, 5):
                    accepted = load.accepted()
                    eventually(lambda: load.accepted() >= accepted + 50, "mail flows before")
                    with house.faults.memory(every, least=512):
                        eventually(lambda: house.faults.count("memory_failed") >= 20,
                                   "allocations fail")
                    accepted = load.accepted()
                    eventually(lambda: load.accepted() >= accepted + 50, "mail flows again")
            assert_served_well(self, house.gateway, house.sink, load)
            self.assertGreater(load.put_off(), 0)


if __name__ == "__main__":
    unittest.main()
