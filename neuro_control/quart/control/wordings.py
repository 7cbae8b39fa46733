# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""How people say QUARD's tasks: sentences, verbs, nouns, manners and courtesies.

Each list is in two parts, one that training shows and one that it keeps for the test. A sentence of
training is put together of them at random (``instructions.say``), so that there are some 100,000
for each skill; {v} is a verb, {c} a colour or letter, {k} the noun of a kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Words = Mapping[str, Sequence[str]]

# Verbs that may stand in a skill's own form (``FRAMES``).
SEEN_VERBS: Words = {
    "go_to": (
        "go to", "walk to", "move to", "head for", "approach", "get close to", "come up to",
        "trot to", "run to", "step up to", "head towards", "go towards", "walk up to", "go over to",
        "navigate to",
    ),
    "avoid": ("go to", "walk to", "move to", "head for", "come up to", "trot to", "get to"),
    "tunnel": (
        "go through", "walk through", "pass through", "move through", "run through", "cross",
        "trot through", "enter and leave", "get through",
    ),
    "crawl": (
        "crawl under", "crouch and go under", "crawl below", "pass under", "duck under",
        "creep under", "crawl beneath", "go under", "walk under", "bend down and walk under",
    ),
    "distinguish": (
        "distinguish", "find", "look for", "identify", "turn to", "show me", "recognise",
        "search for", "face", "look at", "stand in front of",
    ),
    "unload": (
        "unload the ball into", "drop the ball into", "put the ball in", "let the ball roll into",
        "deliver the ball into", "throw the ball into", "lay the ball in", "tip the ball into",
    ),
    "stop": (
        "stop", "intercept", "catch", "hold up", "wait for and stop", "bring to a stop",
        "get in the way of",
    ),
}  # fmt: skip
UNSEEN_VERBS: Words = {
    "go_to": ("advance to", "travel to", "march to", "proceed to", "stride over to", "visit"),
    "avoid": ("advance to", "travel to", "proceed to"),
    "tunnel": ("march through", "travel through", "traverse"),
    "crawl": ("sneak under", "slip under", "squeeze under"),
    "distinguish": ("locate", "spot", "point yourself at"),
    "unload": ("place the ball in", "empty the ball into", "dump the ball into"),
    "stop": ("halt", "arrest", "bring to rest"),
}
# What stands around verb and target; the first is QUARD's.
FRAMES: Words = {
    "go_to": ("{v} the {c} {k}", "{v} the {k} that is {c}", "{v} the {c} coloured {k}"),
    "avoid": (
        "{v} the {c} {k} and avoid the obstacle",
        "avoid the obstacle and {v} the {c} {k}",
        "{v} the {c} {k} without touching the obstacle",
        "{v} the {c} {k} and keep clear of the obstacle",
        "{v} the {c} {k} but do not hit the obstacle",
        "{v} the {c} {k} around the obstacle",
        "{v} the {c} {k} and walk around what is in the way",
    ),
    "tunnel": ("{v} the {c} {k}", "{v} the {k} that is {c}"),
    "crawl": ("{v} the {k}",),
    "distinguish": ("{v} {k} {c}", "{v} the {k} {c}"),
    "unload": ("{v} the {c} {k}", "{v} the {k} that is {c}"),
    "stop": ("{v} the {c} {k}", "{v} the {k} that is {c}", "{v} the rolling {c} {k}"),
}
# Whole sentences of another build.
SEEN_SENTENCES: Words = {
    "go_to": (
        "the {c} {k} is your target, go there", "find the {c} {k} and go to it",
        "be at the {c} {k}", "i want you at the {c} {k}", "stand next to the {c} {k}",
        "look for the {c} {k} and walk there",
    ),
    "avoid": (
        "go around the obstacle to the {c} {k}", "reach the {c} {k} without hitting the obstacle",
        "there is an obstacle before the {c} {k}, go around it to the {c} {k}",
        "head for the {c} {k} but mind the obstacle",
    ),
    "tunnel": (
        "enter the {c} {k} and come out behind it", "take the way through the {c} {k}",
        "use the {c} {k} to get to the other side", "the {c} {k} is your way, go through",
    ),
    "crawl": (
        "get under the {k} and out behind it", "get to the other side of the {k} below it",
        "lower yourself and pass the {k}", "the {k} is low, go under it",
    ),
    "distinguish": (
        "tell me where {k} {c} is", "where is {k} {c}, face it", "turn until you see {k} {c}",
        "among the letters find {c}",
    ),
    "unload": (
        "bring the ball to the {c} {k} and unload it", "the {c} {k} is to get the ball",
        "carry the ball to the {c} {k} and drop it", "take the ball to the {c} {k}",
    ),
    "stop": (
        "make the {c} {k} stop", "keep the {c} {k} from rolling on", "do not let the {c} {k} pass",
        "stand in the way of the {c} {k}",
    ),
}  # fmt: skip
UNSEEN_SENTENCES: Words = {
    "go_to": (
        "could you walk over to the {c} {k}", "your goal is the {c} {k}", "the {c} {k}, go to it",
        "make your way to the {c} {k}",
    ),
    "avoid": (
        "make your way to the {c} {k} and avoid what stands before it",
        "could you go to the {c} {k} and walk around the obstacle",
        "mind the obstacle on your way to the {c} {k}",
    ),
    "tunnel": (
        "could you walk through the {c} {k}", "make your way through the {c} {k}",
        "the {c} {k}, go through it",
    ),
    "crawl": (
        "could you crawl under the {k}", "make your way under the {k}", "the {k}, crawl under it",
    ),
    "distinguish": (
        "could you find {k} {c}", "which one is {k} {c}", "{k} {c}, look at it",
    ),
    "unload": (
        "could you drop the ball into the {c} {k}", "the ball belongs in the {c} {k}",
        "make the ball roll into the {c} {k}",
    ),
    "stop": (
        "could you stop the {c} {k}", "do not let the {c} {k} roll past you",
        "the {c} {k} must not roll on",
    ),
}  # fmt: skip
# Nouns by kind: QUARD's own first.
SEEN_NOUNS: Words = {
    "cube": ("cube", "crate", "carton", "dice", "parcel", "square object"),
    "ball": ("ball", "orb", "football", "round object", "marble"),
    "rolling ball": ("ball", "orb", "football", "marble"),
    "rectangle tunnel": (
        "rectangle tunnel", "rectangular tunnel", "square tunnel", "rectangular underpass",
        "square doorway", "rectangle arch",
    ),
    "triangle tunnel": (
        "triangle tunnel", "triangular tunnel", "triangular underpass", "triangle doorway",
        "triangle arch",
    ),
    "bar": ("bar", "rod", "crossbar", "rail", "hurdle"),
    "letter": ("letter", "symbol", "sign"),
    "traybox": ("traybox", "basket", "container", "bowl"),
}  # fmt: skip
UNSEEN_NOUNS: Words = {
    "cube": ("block", "box"),
    "ball": ("sphere", "globe"),
    "rolling ball": ("sphere", "globe"),
    "rectangle tunnel": ("square gate", "rectangular gate", "rectangular passage"),
    "triangle tunnel": ("triangular gate", "triangular passage"),
    "bar": ("beam", "pole"),
    "letter": ("character",),
    "traybox": ("tray", "bin"),
}
# Manners behind a sentence: QUARD's own first.
SEEN_MANNERS: Words = {
    "slowly": ("slowly with a trotting gait", "slowly", "at low speed", "with slow steps"),
    "normally": ("normally with a trotting gait", "normally", "at normal speed", "as usual"),
    "quickly": ("quickly with a trotting gait", "quickly", "fast", "at high speed", "in a hurry"),
}
UNSEEN_MANNERS: Words = {
    "slowly": ("unhurriedly", "at a slow pace"),
    "normally": ("at the usual pace", "at an ordinary speed"),
    "quickly": ("rapidly", "as fast as you can"),
}
# Courtesies, before and behind; nothing at all is the first.
SEEN_BEFORE = (
    "", "please", "robot", "hey robot", "now", "can you", "i want you to", "you should",
    "would you", "your task is to", "ok", "please would you", "robot please", "next",
    "your job is to",
)  # fmt: skip
SEEN_BEHIND = ("", "please", "now", "thank you", "robot", "right away", "will you")
UNSEEN_BEFORE = (
    "kindly", "be so good as to", "excuse me, could you please", "i would like you to",
    "dear robot, may i ask you to", "good dog",
)  # fmt: skip
UNSEEN_BEHIND = ("if you please", "many thanks", "when you are ready", "there's a good robot")
