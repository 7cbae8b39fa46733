# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""Words that what is no task is made of: those of training, and others for the test."""

from __future__ import annotations

from typing import NamedTuple

from neuro_control.quart.training.data.foreign import SEEN_LANGUAGES, UNSEEN_LANGUAGES, Language


class NoTasks(NamedTuple):
    """Words that what is no task is made of.

    Attributes:
        talk: Whole sentences.
        negations: What stands before a task that is not to be done.
        verbs: What can't be done; any thing may follow.
        things: What no course has.
        languages: Other languages.
    """

    talk: tuple[str, ...]
    negations: tuple[str, ...]
    verbs: tuple[str, ...]
    things: tuple[str, ...]
    languages: dict[str, Language]


SEEN = NoTasks(
    (
        "hello", "what is the weather like", "sing a song", "how are you today", "are you hungry",
        "make me a coffee", "tell me a story", "where is the kitchen", "play some music", "dance",
        "who are you", "read the newspaper", "good morning", "thank you very much", "sit",
        "roll over", "what time is it", "call my mother", "count to ten", "take a picture",
        "fly to the moon", "buy some bread", "set an alarm for seven", "do you like cheese",
        "what is your name", "the quick brown fox jumps over the lazy dog", "red", "cube", "slowly",
        "the", "and then", "i like the red one", "my cube is red", "is the ball blue",
        "what colour is the cube", "there are two balls", "why is the bar so low",
        "the tunnel was closed yesterday", "nothing", "do not move", "stay where you are", "go",
        "go to", "go to the", "crawl", "stop", "find", "walk", "please", "left", "robot",
        "you are a good robot", "ignore the cube", "forget the ball", "what is a letter",
        "lorem ipsum dolor sit amet", "to be or not to be", "one two three four", "yes", "no", "ok",
        "how far is the green cube", "describe the picture", "i am going to the red cube",
        "translate this sentence", "write a poem about a tunnel", "what do you see", "can you swim",
        "how do you do", "what is for dinner", "my name is peter", "i am tired", "it is raining",
        "the sun is shining", "who built you", "are you a robot", "can you hear me",
        "open the door", "close the window", "switch on the light", "set the table", "feed the cat",
        "play a game with me", "jump", "spin around", "lie down", "get up", "wag your tail",
        "give me your paw", "fetch", "lift your leg", "turn around", "walk backwards", "come here",
        "follow me", "go home", "go away", "go outside", "run", "be quiet", "wait", "look",
        "listen", "speak", "help", "goodbye", "see you later", "nice to meet you", "well done",
        "bad dog", "what can you do", "why", "when", "maybe later", "not now", "later", "somewhere",
        "anywhere", "everything", "something blue", "the red one", "that one over there",
        "this way", "over there", "up", "down", "right", "forward", "back", "faster", "slower",
        "more", "again", "enough", "the end", "once upon a time", "hundred and twenty", "seven",
        "the cube is red", "a ball is round", "tunnels are dark", "bars are made of steel",
        "letters are fun", "the tray is empty", "i saw a green ball", "he went to the blue cube",
        "she crawled under the bar", "we walked through the tunnel", "they stopped the ball",
        "did you go to the cube", "have you seen the yellow ball", "who put the ball into the tray",
        "where were you yesterday", "how many cubes are there", "how many balls can you see",
        "is there a tunnel", "what letter is this", "which colour do you like",
        "do you see the red cube", "what is next to the cube", "the obstacle is big", "avoid",
        "avoid the obstacle", "through", "under", "into", "around", "beside the", "under the",
        "through the", "go through", "into the tray", "slowly please",
        "normally with a trotting gait", "slowly with a trotting gait", "with a trotting gait",
    ),
    (
        "do not", "never", "please do not", "you must not", "robot do not", "don't", "dont",
        "please don't", "don't you dare", "do not even try to", "i do not want you to",
        "i don't want you to", "you should not", "you shouldn't", "you may not", "you can not",
        "no do not", "stop trying to", "better not", "whatever you do do not", "at no time",
        "it is not allowed to", "nobody wants you to",
    ),
    (
        "paint", "eat", "jump over", "buy", "wash", "kick", "lift", "throw", "burn", "sell",
        "climb", "sit on", "cut", "draw", "fold", "open", "close", "break", "sing to", "photograph",
        "bake", "listen to", "switch off", "stand on", "fly over", "push over", "weigh", "cook",
        "clean", "read", "write", "repair", "measure", "carry", "pull", "drag", "squeeze", "roll",
        "spin", "shake", "taste", "smell", "sharpen", "tear", "bend", "crush", "bury", "dig up",
        "plant", "water", "feed", "milk", "ride", "drive", "steer", "sail", "load", "pack", "wrap",
        "send", "post", "order", "pay for", "lend", "borrow", "return", "decorate", "colour in",
        "copy", "print", "delete", "download", "install", "reboot", "charge", "plug in", "unplug",
        "connect", "disconnect", "hit", "bite", "scratch", "drop", "pick up", "grab", "hold",
        "hang up", "balance", "juggle", "bounce", "inflate", "describe", "name", "explain",
        "remember", "forget", "love", "hate", "admire", "dream of", "think about", "wait for",
        "shout at", "greet", "thank", "teach", "marry",
    ),
    (
        "kitchen", "elephant", "dog", "door", "window", "car", "tree", "house", "moon", "river",
        "cat", "banana", "woman", "stairs", "bicycle", "garden", "phone", "bed", "horse", "street",
        "shop", "bridge", "airport", "flower", "bottle", "book", "lake", "guitar", "cake", "train",
        "doctor", "man", "child", "girl", "boy", "baby", "people", "crowd", "king", "soldier",
        "farmer", "nurse", "driver", "neighbour", "dentist", "bird", "fish", "lion", "tiger",
        "bear", "wolf", "fox", "sheep", "goat", "duck", "chicken", "frog", "snake", "spider", "bee",
        "ant", "monkey", "zebra", "camel", "whale", "shark", "mouse", "road", "path", "forest",
        "field", "hill", "valley", "desert", "island", "sea", "ocean", "sky", "sun", "star",
        "cloud", "rain", "snow", "wind", "fire", "smoke", "sand", "stone", "rock", "mud", "grass",
        "leaf", "root", "seed", "wall", "roof", "floor", "ceiling", "corner", "room", "cellar",
        "attic", "balcony", "lift", "corridor", "lobby", "hall", "garage", "shed", "barn", "castle",
        "tower", "church", "school", "library", "museum", "theatre", "cinema", "bank",
        "post office", "market", "pharmacy", "bakery", "restaurant", "cafe", "hotel", "station",
        "harbour", "factory", "farm", "zoo", "park", "playground", "stadium", "pool", "gym", "lamp",
        "chair", "desk", "cupboard", "shelf", "mirror", "carpet", "curtain", "pillow", "blanket",
        "oven", "stove", "sink", "toilet", "shower", "bathtub", "bucket", "broom", "knife", "fork",
        "plate", "cup", "glass", "pot", "pan", "kettle", "bread", "butter", "cheese", "egg", "meat",
        "soup", "salad", "pizza", "orange juice", "tea", "coffee", "water", "milk", "wine", "sugar",
        "salt", "rice", "potato", "tomato", "carrot", "onion", "pear", "grape", "lemon",
        "strawberry", "shoe", "sock", "shirt", "coat", "hat", "glove", "belt", "ring", "watch",
        "bag", "suitcase", "umbrella", "wallet", "key", "hammer", "screwdriver", "saw", "nail",
        "rope", "ladder", "engine", "wheel", "tyre", "boat", "ship", "plane", "helicopter",
        "rocket", "tractor", "lorry", "taxi", "tram", "computer", "keyboard", "screen", "printer",
        "camera", "radio", "battery", "charger", "cable", "robot arm", "newspaper", "letterbox",
        "envelope", "stamp", "pencil", "pen", "ruler", "scissors", "paper", "map", "ticket", "coin",
        "money", "violin", "drum", "trumpet", "doll", "kite", "puzzle", "chessboard", "balloon",
        "candle", "present", "flag", "drawer", "dishwasher", "washing machine", "vacuum cleaner",
        "charging station", "exit", "entrance", "lawn", "pond", "fountain", "statue", "tent",
        "campfire",
    ),
    SEEN_LANGUAGES,
)  # fmt: skip
UNSEEN = NoTasks(
    (
        "hi there", "will it rain tomorrow", "tell me a joke", "how old are you", "give me a hug",
        "bring me a beer", "switch off the light", "what is two plus two", "good night", "bark",
        "play dead", "who won the match", "wake me at six", "is anybody at home", "laugh",
        "shake hands", "i lost my keys", "the cube is mine", "was the ball red",
        "how heavy is the bar", "blue", "keep still", "wait here", "walk to the", "ball", "quickly",
        "turn", "the weather is lovely today", "nobody knows", "a stitch in time saves nine",
        "explain the letter b", "five six seven", "maybe", "asdf", "what is behind the tunnel",
        "i went to the red cube", "spell the word tunnel",
    ),
    (
        "under no circumstances", "please don't ever", "do not ever", "you are not allowed to",
        "refuse to", "by no means", "it is forbidden to", "you must never",
    ),
    (
        "polish", "swallow", "hop over", "steal", "dry", "punch", "hide", "melt", "rent",
        "dance with", "lick", "hug", "glue", "unlock", "smash", "talk to", "turn off", "sleep on",
        "count",
    ),
    (
        "bathroom", "giraffe", "bus", "fence", "fridge", "beach", "sofa", "apple", "teacher", "cow",
        "office", "television", "mountain", "spoon", "hospital", "aeroplane", "rabbit", "piano",
        "supermarket", "policeman",
    ),
    UNSEEN_LANGUAGES,
)  # fmt: skip
