# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Recordings to test on: a short run of the swimmer, and what another package makes of it."""

from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from neuro_control.bags.reader import Bag
from neuro_control.cli.scenario import find_scenario, resolve
from neuro_control.cli.watching.options import Watching
from neuro_control.ros import run as runs

STEPS = 60


def swim(folder, watch=None, **settings):
    """Run the swimmer, watched as ``watch`` says of its parameters, by default recorded.

    Gives the result and the recorded file.
    """
    scenario = find_scenario("swimmer")
    parameters = runs.read_parameters(scenario.config_file(), list(scenario.nodes))
    recording, file = folder / "recording.npz", folder / "parameters.yaml"
    parameters["simulation"].update(
        {"duration": 0.03 * STEPS, "recording": str(recording), **settings}
    )
    parameters["swimmer_controller"]["use_sim_time"] = True
    runs.write_parameters(parameters, file)
    path = folder / "swim.mcap"
    watch = watch or Watching(record=path).watchers
    watchers = watch("swimmer", parameters, folder)
    factories = {name: resolve(factory) for name, factory in scenario.nodes.items()}
    result = runs.run_together(factories, file, recording, None, lambda _: None, watchers)
    return result, path


STORE = get_typestore(Stores.ROS2_JAZZY)


def foreign(recorded, path, topics, rename=lambda name: name, storage=StoragePlugin.SQLITE3):
    """The same messages as rosbags writes them: its serialisation, its bag, its files."""
    with Writer(path, version=9, storage_plugin=storage) as writer:
        connections = {}
        bag = Bag(recorded)
        for each in bag.messages(topics):
            kind = bag.kinds[each.topic]
            if each.topic not in connections:
                connections[each.topic] = writer.add_connection(
                    rename(each.topic), kind, typestore=STORE
                )
            message = STORE.deserialize_cdr(each.data, kind)
            writer.write(
                connections[each.topic], each.nanoseconds, STORE.serialize_cdr(message, kind)
            )
    return path
