# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""QUARD's tasks in languages that a policy is not to act on: some for training, others for tests.

A policy that learnt English must not walk somewhere because a sentence of another language shares
letters with one that it knows. Each language has its nouns, colours and sentences, of which many
sentences are put together; {c} is a colour, {k} a noun.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Language(NamedTuple):
    """Words of a language.

    Attributes:
        nouns: Cubes, balls, tunnels and trays.
        colours: Colours.
        sentences: What to do.
    """

    nouns: tuple[str, ...]
    colours: tuple[str, ...]
    sentences: tuple[str, ...]


SEEN_LANGUAGES = {
    "german": Language(
        ("würfel", "ball", "tunnel", "kiste", "kugel"),
        ("roten", "blauen", "grünen", "gelben", "goldenen", "rosa"),
        ("geh zum {c} {k}", "gehe zu dem {c} {k} und weiche dem hindernis aus", "finde den {c} {k}",
         "gehe durch den {c} {k}", "krieche unter der stange hindurch", "halte den {c} {k} auf",
         "lade den ball in die {c} {k} ab", "bitte lauf langsam zum {c} {k}",
         "finde den buchstaben c", "wo ist der {c} {k}", "kriech unter dem balken durch"),
    ),
    "french": Language(
        ("cube", "ballon", "tunnel", "bac", "bloc"),
        ("rouge", "bleu", "vert", "jaune", "orange", "rose"),
        ("va vers le {k} {c}", "va au {k} {c} en évitant l'obstacle", "passe par le {k} {c}",
         "rampe sous la barre", "trouve la lettre b", "arrête le {k} {c}", "marche vers le {k} {c}",
         "dépose la balle dans le {k} {c}", "s'il te plaît approche du {k} {c}",
         "avance lentement jusqu'au {k} {c}"),
    ),
    "spanish": Language(
        ("cubo", "balón", "túnel", "cajón", "bloque"),
        ("rojo", "azul", "verde", "amarillo", "dorado", "rosa"),
        ("ve hacia el {k} {c}", "camina hasta el {k} {c} y evita el obstáculo", "para el {k} {c}",
         "pasa por el {k} {c}", "gatea bajo la barra", "busca la letra d", "detén el {k} {c}",
         "deja la pelota en el {k} {c}", "por favor acércate al {k} {c} despacio"),
    ),
    "italian": Language(
        ("cubo", "pallone", "tunnel", "vassoio", "blocco"),
        ("rosso", "blu", "verde", "giallo", "viola"),
        ("vai al {k} {c}", "cammina verso il {k} {c}", "evita l'ostacolo e vai al {k} {c}",
         "passa attraverso il {k} {c}", "striscia sotto la sbarra", "trova la lettera a",
         "ferma il {k} {c}", "metti la palla nel {k} {c}", "per favore raggiungi il {k} {c}"),
    ),
    "swedish": Language(
        ("kuben", "bollen", "tunneln", "lådan"),
        ("röda", "blå", "gröna", "gula", "rosa"),
        ("gå till den {c} {k}", "gå genom den {c} {k}", "kryp under stången", "stoppa den {c} {k}",
         "hitta bokstaven e", "lägg bollen i den {c} {k}",
         "undvik hindret och gå till den {c} {k}"),
    ),
    "polish": Language(
        ("sześcianu", "piłki", "tunelu", "pudełka"),
        ("czerwonego", "niebieskiej", "zielonego", "żółtej"),
        ("idź do {c} {k}", "podejdź do {c} {k}", "przejdź przez tunel", "przeczołgaj się pod belką",
         "znajdź literę a", "zatrzymaj piłkę", "omiń przeszkodę i idź do {c} {k}"),
    ),
    "turkish": Language(
        ("küpe", "topa", "tünele", "kutuya"),
        ("kırmızı", "mavi", "yeşil", "sarı"),
        ("{c} {k} git", "{c} {k} doğru yürü", "çubuğun altından sürün", "a harfini bul",
         "{c} topu durdur", "topu {c} kutuya bırak", "engelden kaçın ve {c} {k} git"),
    ),
    "russian": Language(
        ("кубу", "мячу", "туннелю", "ящику"),
        ("красному", "синему", "зелёному", "жёлтому"),
        ("иди к {c} {k}", "подойди к {c} {k}", "пройди через туннель", "проползи под планкой",
         "найди букву а", "останови мяч", "обойди препятствие и иди к {c} {k}"),
    ),
    "chinese": Language(
        ("方块", "球", "隧道", "箱子"),
        ("红色", "蓝色", "绿色", "黄色"),
        ("走到{c}{k}", "去{c}的{k}", "穿过{c}隧道", "从横杆下面爬过去", "找到字母 a", "拦住{c}{k}"),
    ),
    "romanised": Language(
        ("cube", "aka", "hako", "lifafa", "gola"),
        ("akai", "aoi", "lal", "neela", "merah", "biru"),
        ("{c} {k} ni itte", "{c} {k} ke paas jao", "pergi ke {k} {c}", "berjalan ke {k} {c}",
         "{c} {k} wo tomete", "bou no shita wo kugutte", "danda ke neeche se jao"),
    ),
}  # fmt: skip
UNSEEN_LANGUAGES = {
    "dutch": Language(
        ("kubus", "bal", "tunnel", "bak", "doos"),
        ("rode", "blauwe", "groene", "gele", "gouden"),
        ("ga naar de {c} {k}", "loop naar de {c} {k}", "ga door de {c} {k}", "kruip onder de balk",
         "zoek de letter b", "stop de {c} {k}", "leg de bal in de {c} {k}",
         "ontwijk het obstakel en ga naar de {c} {k}"),
    ),
    "portuguese": Language(
        ("cubo", "bola", "túnel", "caixa"),
        ("vermelho", "azul", "verde", "amarelo"),
        ("vá até o {k} {c}", "caminhe para o {k} {c}", "passe pelo {k} {c}", "rasteje sob a barra",
         "encontre a letra d", "pare a {k} {c}", "coloque a bola na {k} {c}",
         "evite o obstáculo e vá até o {k} {c}"),
    ),
    "danish": Language(
        ("terning", "bold", "tunnel", "kasse"),
        ("røde", "blå", "grønne", "gule"),
        ("gå hen til den {c} {k}", "gå igennem den {c} {k}", "kravl under stangen",
         "find bogstavet c", "stop den {c} {k}", "læg bolden i den {c} {k}"),
    ),
    "romanian": Language(
        ("cubul", "mingea", "tunelul", "cutia"),
        ("roșu", "albastru", "verde", "galben"),
        ("mergi la {k} {c}", "treci prin {k} {c}", "târăște-te sub bară", "găsește litera a",
         "oprește {k} {c}", "pune mingea în {k} {c}"),
    ),
    "hungarian": Language(
        ("kockához", "labdához", "alagúthoz", "dobozhoz"),
        ("piros", "kék", "zöld", "sárga"),
        ("menj a {c} {k}", "sétálj a {c} {k}", "menj át a {c} alagúton", "kússz át a rúd alatt",
         "keresd meg az a betűt", "állítsd meg a {c} labdát"),
    ),
    "finnish": Language(
        ("kuution", "pallon", "tunnelin", "laatikon"),
        ("punaisen", "sinisen", "vihreän", "keltaisen"),
        ("mene {c} {k} luo", "kävele {c} {k} luo", "kulje {c} {k} läpi", "ryömi tangon alta",
         "etsi kirjain a", "pysäytä {c} pallo"),
    ),
    "greek": Language(
        ("κύβο", "μπάλα", "τούνελ"),
        ("κόκκινο", "μπλε", "πράσινο"),
        ("πήγαινε στον {c} {k}", "πέρασε από το {c} {k}", "σύρσου κάτω από τη ράβδο"),
    ),
    "japanese": Language(
        ("立方体", "ボール", "トンネル"),
        ("赤い", "青い", "緑の"),
        ("{c}{k}に行って", "{c}{k}を通って", "バーの下をくぐって", "{c}{k}を止めて"),
    ),
}  # fmt: skip


def foreign(languages: dict[str, Language], rng: np.random.Generator) -> str:
    """A sentence in one of some languages."""
    language = languages[str(rng.choice(list(languages)))]
    noun, colour, sentence = (each[int(rng.integers(len(each)))] for each in language)
    return sentence.format(c=colour, k=noun)
