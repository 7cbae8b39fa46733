# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""A client of Foxglove's protocol receives the messages as they are, and the robot's body."""

import json
import struct

import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState

pytest.importorskip("foxglove")
pytest.importorskip("websockets")

from websockets.sync import client

from neuro_control.bags.message_types import definition
from neuro_control.bags.sinks import Topic
from neuro_control.errors import ConfigurationError
from neuro_control.viewing.foxglove_server import FRAMES, SCENE, FoxgloveServer

KIND = "sensor_msgs/msg/JointState"
MODEL = "neuro_control.swimmer.simulation.tasks:swim"


@pytest.fixture
def server():
    made = FoxgloveServer(MODEL, {"links": 6}, port=0)
    made.open_topic(Topic("/joint_states", KIND, definition(KIND)))
    yield made
    made.close()


def channels(connection):
    """What the server offers, by topic."""
    found = {}
    while len(found) < 3:
        message = connection.recv(timeout=20)
        if isinstance(message, str):
            told = json.loads(message)
            found.update({each["topic"]: each for each in told.get("channels", [])})
    return found


def test_a_client_receives_messages_and_the_moving_body(server):
    data = serialize_message(JointState(name=["joint_1"], position=[0.5]))
    with client.connect(
        f"ws://127.0.0.1:{server.port}", subprotocols=["foxglove.sdk.v1"], max_size=None
    ) as connection:
        offered = channels(connection)
        assert offered["/joint_states"]["encoding"] == "cdr"
        assert offered["/joint_states"]["schemaName"] == KIND
        assert offered["/joint_states"]["schema"] == definition(KIND)
        wanted = {1: "/joint_states", 2: SCENE, 3: FRAMES}
        subscriptions = [
            {"id": number, "channelId": offered[topic]["id"]} for number, topic in wanted.items()
        ]
        connection.send(json.dumps({"op": "subscribe", "subscriptions": subscriptions}))
        received = {}
        for turn in range(500):
            server.write("/joint_states", 10**9 + turn, data)
            try:
                message = connection.recv(timeout=0.05)
            except TimeoutError:
                continue
            if isinstance(message, bytes) and message[0] == 1:
                number, when = struct.unpack_from("<IQ", message, 1)
                received[wanted[number]] = when, message[13:]
            if len(received) == 3:
                break
    when, payload = received["/joint_states"]
    assert when >= 10**9
    assert payload == data
    assert b"view/link_3" in received[FRAMES][1]
    for shape in (b"skin_3", b"floor"):
        assert shape in received[SCENE][1]


def test_a_port_that_is_taken_is_refused_with_a_sentence(server):
    with pytest.raises(ConfigurationError, match=f"can't serve at the port {server.port}"):
        FoxgloveServer(port=server.port)
