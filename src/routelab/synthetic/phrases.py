"""What the invented prompts and answers are pieced together from."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Phrases(NamedTuple):
    """How one task is talked about; a slot in braces is filled with one word.

    Attributes:
        plain, demanding: first lines of easier and of harder prompts, under 20 words.
        details: sentences that go on.
        answers: sentences of a reply.
    """

    plain: tuple[str, ...]
    demanding: tuple[str, ...]
    details: tuple[str, ...]
    answers: tuple[str, ...]


_CHAT = Phrases(
    plain=(
        "What is a nice gift for {who}, who likes {subject}, for about {n} euros?",
        "Hi! Can you suggest {n} easy ideas for a {day} evening in {city}?",
        "My {thing} stopped working after {n} days. What should I try first?",
        "Tell me something interesting about {subject} that {who} may not know.",
    ),
    demanding=(
        "Compare {subject} with whatever is cheaper for a beginner, and argue against yourself.",
        "Plan {n} days in {city} for people who disagree about {subject} and money.",
        "Why do experts in {subject} contradict each other, and whom should {who} believe?",
        "Help me tell {who} that the {thing} project at {firm} has failed.",
    ),
    details=(
        "I have been into {subject} for {n} weeks and still feel like a beginner.",
        "{who} told me the opposite on {day}, which left me rather {mood}.",
        "We live near {city}, so it should work there too.",
        "The budget is {n} euros, and a little more if it is worth it.",
        "I already read a book about {subject}, but it was too general.",
        "Last {month} we tried something similar and the {thing} broke after an hour.",
        "My neighbour {who} works at {firm} and knows a lot about {subject}.",
        "Please do not suggest another {thing}, we have {n} of them.",
        "I would like a friendly tone, as if you were talking to a {mood} friend.",
        "If it depends on the season, assume that it is {month}.",
    ),
    answers=(
        "A good start is to try {subject} on a quiet {day} and see how it feels.",
        "For about {n} euros you can get a decent {thing} in {city}.",
        "{who} could keep a short diary, because small steps are easier to repeat.",
        "If the {thing} is still under warranty, ask {firm} before you open it.",
        "Most people who enjoy {subject} began with {n} minutes a day.",
        "I would avoid {month}, when {city} is crowded and prices are higher.",
        "Both views have merit, and the difference is mostly a matter of taste.",
    ),
)

_EXTRACTION = Phrases(
    plain=(
        "List every person and city in the text below as JSON, file {ref}.",
        "From the note {ref}, give the order number, the date and the amount.",
        "Which products does message {ref} mention? Answer with a plain list.",
        "Find all dates in document {ref} and write them one per line.",
    ),
    demanding=(
        "From the thread {ref}, find who promised what to whom, and what was later withdrawn.",
        "Reconcile the amounts in {ref}, which contradict each other, and give reasons.",
        "Return the final owner of each {thing} in {ref}, following every transfer in order.",
        "Normalise all names in {ref}, merging people who are called by different names.",
    ),
    details=(
        "On {day} {who} ordered {n} units of the {thing} from {firm}.",
        "The invoice {ref} over {n} euros was sent to {who} in {city}.",
        "{firm} moved the delivery from {month} to {month} without a reason.",
        "{who} from {city} returned one {thing} and kept the other {n}.",
        "According to {who}, order {ref} was cancelled and then placed again.",
        "The {thing} was passed on to {who}, who lives in {city} since {month}.",
        "A discount of {n} percent was granted by {firm} on {day}.",
        "Contact for questions is {who}, extension {n}, in the {city} office.",
        "Case {ref} stays open until {who} confirms the serial number {n}.",
        "Nobody at {firm} could say where the second {thing} had gone.",
    ),
    answers=(
        "Person: {who}; city: {city}; month: {month}.",
        "Order {ref}: {n} units, sent by {firm}.",
        "Amount: {n} euros, due on a {day}.",
        "Owner of the {thing}: {who}.",
        "Date: {n} {month}, confirmed by {who}.",
        "Not stated: the name of the buyer in {city}.",
    ),
)

_MATHS = Phrases(
    plain=(
        "A shop sells {n} lamps at {n} euros each. What is the total?",
        "What is {n} percent of {n}, rounded to one decimal place?",
        "{who} walks {n} metres in {n} seconds. How fast is that in metres per second?",
        "Find the area of a {shape} with a side of {n} and a height of {n}.",
    ),
    demanding=(
        "Prove that no integer solution exists for the equation with {n} and {n} given below.",
        "How many ways are there to seat {n} people so that {who} never sits last?",
        "Find the expected number of throws until {n} different faces out of {n} were seen.",
        "Show that the sum of the first {n} odd cubes is divisible by {n}, or refute it.",
    ),
    details=(
        "Let a be {n} and let b be the remainder of {n} divided by {n}.",
        "Assume that {who} draws without replacement from {n} numbered balls.",
        "The {shape} is cut along its axis, and one part weighs {n} grams.",
        "You may use that the series converges, but not that its limit is known.",
        "Each of the {n} steps doubles the distance and then takes away {n}.",
        "Give the exact value first, then a decimal with three places.",
        "The same question for {n} instead of {n} was solved by {who} on {day}.",
        "Points inside the {shape} are chosen evenly and independently of each other.",
        "Show the steps, because {who} has to follow them.",
        "Treat the case of zero separately if the argument needs it.",
    ),
    answers=(
        "Write the total as {n} times {n} and subtract the part counted twice.",
        "Dividing both sides by {n} leaves a remainder of {n}.",
        "The {shape} has an area of {n}, since the height is fixed.",
        "By symmetry only half of the {n} cases have to be counted.",
        "Suppose the claim fails; then {n} divides {n}, a contradiction.",
        "The expected number is the sum of {n} terms, which gives about {n}.",
        "So the result is {n}.",
    ),
)

_CODE = Phrases(
    plain=(
        "Write a {code} function that removes duplicates from a {type} of {n} items.",
        "How do I sort a {type} by its second field in {code}, version {n}?",
        "Explain what this {code} snippet with a {type} does, ticket {ref}.",
        "Rename the variables in the {code} helper of ticket {ref} so they read well.",
    ),
    demanding=(
        "Find the race in our {code} {type} of ticket {ref}, which shows once in {n} runs.",
        "Make this {code} {type} lock-free for {n} writers, and prove that nothing is lost.",
        "Rewrite the {code} parser of {ref} to stream, in constant memory, without recursion.",
        "Why does the {type} in {code} leak {n} megabytes an hour under load? See {ref}.",
    ),
    details=(
        "It runs as a service at {firm} and handles {n} requests a second.",
        "The {type} is filled by one thread and read by {n} others.",
        "We cannot add a dependency, so only the standard library of {code} is allowed.",
        "The test of {who} fails on {day} nights only, with error {n}.",
        "Inputs can be empty, and a {type} of {n} million entries must still work.",
        "Please keep the public interface, because {firm} calls it from {code}.",
        "The profiler shows that {n} percent of the time goes into copying the {type}.",
        "An earlier version by {who} used two of them and was {n} times slower.",
        "Return an error instead of raising when the key {ref} is missing.",
        "Add a short test for each edge case that you can think of.",
    ),
    answers=(
        "Use a set to remember what was seen, and keep the {type} in order.",
        "The lock is released before the {type} is written, so two threads can meet.",
        "In {code} the loop becomes for item in items: if item not in seen: keep(item).",
        "Move the check inside the loop and return early when {n} is reached.",
        "Reading in blocks of {n} bytes keeps the memory constant.",
        "A test with an empty {type} and one with {n} items cover the edges.",
        "The copy in line {n} is not needed, since nobody changes the {type}.",
    ),
)

_LAW = Phrases(
    plain=(
        "What does the {clause} clause in {law} contract {ref} mean in plain words?",
        "How long is the {clause} period in the {law} agreement {ref}?",
        "Summarise section {n} of the {law} contract {ref} for {who}.",
        "Does the {law} contract {ref} mention {clause} at all, and where?",
    ),
    demanding=(
        "Does the {clause} clause of {ref} survive if section {n} is void? Argue both sides.",
        "Which party of {law} deal {ref} bears the loss, given two conflicting {clause} clauses?",
        "Assess whether {who} may rely on {clause} although notice {ref} came {n} days late.",
        "Draft a {clause} clause for {ref} that binds {firm} yet holds in {city}.",
    ),
    details=(
        "{firm} and {who} signed the {law} contract in {city} in {month}.",
        "Section {n} says that {clause} requires written notice of {n} days.",
        "An amendment from {month} replaces section {n} but leaves the {clause} clause alone.",
        "{who} sent the notice by mail on a {day}, and {firm} denies receipt.",
        "The parties agreed that the law of the place of delivery, {city}, applies.",
        "The annex {ref} lists {n} exceptions, none of which was initialled.",
        "If a payment is more than {n} days late, {firm} may suspend the service.",
        "A side letter signed by {who} promises {clause} without any limit in time.",
        "The {thing} was handed over in {city} before the {clause} period began.",
        "Neither party has used the {clause} clause in the last {n} months.",
    ),
    answers=(
        "Under section {n} the {clause} clause applies only after written notice.",
        "The amendment of {month} is later and more specific, so it prevails.",
        "{firm} bears the loss until the {thing} was handed over in {city}.",
        "A notice that comes {n} days late is not void, but the delay counts.",
        "On the other side, {who} can point to the annex, which was never signed.",
        "The {law} contract is silent on this, so the general rule applies.",
        "This is a reading of the text and no substitute for advice in {city}.",
    ),
)

_TRANSLATION = Phrases(
    plain=(
        "Translate this message to {who} into {language}: we arrive on {day} at {n}.",
        "How do you say in {language} that the {thing} is out of stock until {month}?",
        "Put the following note {ref} into simple {language}.",
        "Translate the label {ref} of a {thing} into {language}.",
    ),
    demanding=(
        "Translate letter {ref} into {language}, keeping its irony and the wordplay on {thing}.",
        "Render this contract passage {ref} in {language}, with the terms used in {city} courts.",
        "Translate the poem {ref} into {language} and keep both rhyme and metre.",
        "Turn the dialect in {ref} into natural {language}, without losing who looks down on whom.",
    ),
    details=(
        "Dear {who}, we were {mood} to hear about the {thing} in {city}.",
        "The shop in {city} opens at {n} and closes when the last guest has left.",
        "It rained all {day}, and {who} said that {month} was never kind to us.",
        "Please keep the polite form, because {who} does not know the reader.",
        "The {thing} must not be used near water or by children under {n}.",
        "He said it with a {mood} smile, as people in {city} do.",
        "We look forward to seeing you and {who} again in {month}.",
        "Names such as {firm} and {city} stay as they are.",
        "My grandmother used to say that a {thing} has a memory of its own.",
        "For the order of {n} pieces we grant a small discount until {day}.",
    ),
    answers=(
        "In {language} the first sentence keeps the polite form used with {who}.",
        "The name {firm} and the number {n} are left as they are.",
        "For the {thing} I chose the everyday word that people in {city} use.",
        "The {mood} tone of the second line is carried by the word order.",
        "{day} is written with a small letter in this position.",
        "The pun has no match in {language}, so I moved it to the last line.",
    ),
)

PHRASES: Mapping[str, Phrases] = MappingProxyType(
    {
        "chat": _CHAT,
        "extraction": _EXTRACTION,
        "maths": _MATHS,
        "code": _CODE,
        "law": _LAW,
        "translation": _TRANSLATION,
    }
)
