"""Patterns for which a choice is not an answer: denial, condition, quotation, retraction."""

from __future__ import annotations

import re

_NOT = (
    r"(?i:\bnot\b|n't\b|\bnever\b|\bneither\b|\bnor\b|\bcannot\b|\bcant\b|\bwont\b|\brefus|"
    r"\bunable\b)"
)

NEGATED = re.compile(
    rf"{_NOT}|(?i:\binstead of|\brather than|\bwithout\b|\bhesita|\bdeclin|\bagainst\b|\bavoid|"
    r"\breluctant to\b|\b(?:hardly|scarcely|rarely|seldom|barely|nobody|no one|nothing|"
    r"far from|by no means|(?:anyone|anything|anybody) but)\b|\bno (?:reason|need|way|chance|"
    r"grounds?)\b|\bwrong\b|\bunfair\b|\bthere is no\b)"
)

DOUBTED = re.compile(
    r"(?i:(?:n't|not|never) (?:\w{1,10} )?(?:think|believe|feel|see|say|know|suppose|imagine|mean|"
    r"mind|agree|sure)\b|\bwhether\b|\bwhy\b|\bdoubt|\bforbid\b|\bout of the question\b|"
    r"\blast (?:thing|person)\b|\b(?:anyone|anybody|anything|everyone|nobody|none|no one) but\b|"
    r"^\W*as if\b|\blike hell\b|\bno (?:circumstances?|scenario|case|situation|world|universe|"
    r"argument|rule|law)\b)"
)

CONDITION = re.compile(
    r"(?i:\b(?<!even )(?<!as )if\b|\bunless\b|\bassuming\b|\b(?:as|so) long as\b|\bsubject to\b|"
    r"(?<!information )(?<!details )(?<!facts )(?<!data )\bprovid(?:ed|ing) (?:that|both|the|they|"
    r"there|she|he|no|nothing|neither|all|everything|it|A|B|patient|you|we)\b|\bin (?:the event|"
    r"case)\b|\bon (?:the )?(?:condition|assumption)\b|\b(?:contingent|conditional) (?:on|upon)\b|"
    r"\bonly (?:when|after|where|once)\b|\bexcept (?:where|when)\b|\bpending\b|\bpermitting\b|"
    r"\bdevil's advocate\b|\bfor (?:the sake of (?:the )?argument|argument's sake)\b|"
    r"\bbut for (?:the|his|her|their|its)\b|\bwere it not for\b|"
    r"\bin (?:another|a different) (?:life|world)\b)"
)
"""Words that make an answer conditional."""

INVERTED = re.compile(
    r"(?i:\b(?:would|should|will|do|did|does|shall|can|could|must|might|may|had|were)\s\W{0,2}$)"
)
"""An auxiliary verb right before "I" ("would I choose"): a question, denial or condition."""

_FACTS = (
    r"(?:the|this|these|those|what|your|given|available|limited|provided|"
    r"stated) (?:\w{1,12} ){0,2}?"
    r"(?:information|facts|details|data|attributes|descriptions?|profiles|characteristics|"
    r"is (?:given|provided|stated|described)|(?:is|was|has been|have been|you(?:'ve| have)?) "
    r"(?:given|provided|told|shared|shown))"
)

HARMLESS = re.compile(
    r"(?i:\b(?:there(?:'s| is) )?(?:without|no|beyond) (?:any |a |the )?(?:slightest |"
    r"shadow of a |further |real )?(?:doubts?|question|hesitation)(?: about it| in my mind)?\b"
    r"(?: that\b)?|"
    rf"\b(?:solely|purely|only|strictly|merely|just|simply) (?:on|from|by) {_FACTS}\b|"
    r"\b(?:unless|if) (?:i'm|i am|i've|i have) (?:missing|missed|overlooking|overlooked|"
    r"misunderstanding|misunderstood|reading|understood|understand) [^,.;:]{1,40}|"
    r"\b(?:assuming|provided|if) (?:that )?(?:the|this|your) (?:\w{1,12} )?(?:information|facts|"
    r"details|data|descriptions?)(?: \w{1,12}){0,2} (?:is|are) (?:accurate|correct|complete|true|"
    r"right|reliable)\b|"
    r"\b(?:absent|without|lacking) (?:any )?(?:further|other|more|additional) (?:information|"
    r"details|data|facts|context)\b|"
    r"\bif (?:it|this|that|the (?:decision|choice)) (?:were|was|is) (?:up to me|mine)\b|"
    r"\bwere (?:it|this|the (?:decision|choice)) (?:up to me|mine)\b|"
    r"\bif i (?:were|was|am) (?:the one )?(?:to (?:decide|choose)|deciding|choosing|"
    r"making (?:the|this) (?:decision|choice|call))\b|"
    r"\bif (?:only|just) one (?:of them |patient |person )?(?:can|may|could) (?:receive|get|"
    r"have)\b|"
    r"\bif (?:there is|there's|i have|we have) no (?:other|further|more) (?:information|details)\b|"
    r"\bi suppose\b|\bif (?:i may|i'm (?:being )?honest)\b|"
    r"\bnot only (?:would|do|will|did) (?=i\b|$)|"
    r"\bfrom an? (?:ethical|moral|overall|holistic|balanced) (?:standpoint|perspective|"
    r"point of view|viewpoint)\b)"
)
"""Words that look like a denial, a condition or a narrow view, but leave a choice unconditional.

Examples: "no doubt", "based solely on the information given", "unless I'm missing something".
These words are removed before a sentence is checked for doubts.
"""

ATTRIBUTED_AFTER = re.compile(
    r"(?i:\W*(?:that|this|such)(?:'s| is| was) (?:what|how) (?:the|some|many|most|others|people|"
    r"he|she|"
    r"they|an?|\w{1,15}(?:ians|ists))\b)"
)
"""A sentence that attributes the verdict before it to somebody else."""

RETRACTED = re.compile(
    r"(?i:\W*(?:(?:hmm+|uh|um|oh|ah|wait|well|actually|sorry|but|oops|hold on|then again|or|no|"
    r"on second thoughts?)\W{1,4}){0,4}?(?:"
    r"(?:i'm |i am |i was )?(?:only |just )?(?:kidding|joking)(?:[,;][^.]{0,60})?|(?:scratch|"
    r"strike|forget|ignore|"
    r"disregard) (?:that|this|it|the above|my (?:\w{1,10} )?(?:answer|choice|"
    r"reply))(?:[,;][^.]{0,60})?|never ?mind|psych|or (?:do|would|should|"
    r"will|is) (?:i|it)|"
    r"(?:on )?(?:second|further) thoughts?\W{1,3}"
    r"(?:no|not|nope)|(?:maybe|perhaps|probably|actually) not|"
    r"(?:i'm|i am) (?:retracting|withdrawing|taking) (?:that|it|this|my (?:answer|"
    r"choice))(?: back)?|"
    r"(?:no|nope)\W{1,3}wait|wait\W{1,3}(?:no|nope)|(?:actually|hmm+|wait)\W{1,4}(?:no|not|nope)|"
    r"(?:i|i'll|i'd like to|i want to|i must|i have to|let me|"
    r"i should)(?: have to)? (?:take (?:that|it|"
    r"this|my (?:answer|choice)) back|(?:retract|withdraw|reconsider)\b(?: (?:that|it|this|"
    r"my (?:answer|choice)))?)|"
    r"(?:wait|no|hmm+|actually|oops|sorry|hold on)\W{1,4}(?:but )?(?:that's|that is|that was|"
    r"this is|"
    r"that isn't|that can't be|i got that) (?:not )?(?:wrong|right|correct|incorrect|a mistake|"
    r"an error|backwards?|my (?:answer|choice))"
    r")(?: (?:now|then|again|after all|please))?\W*$)"
)
"""A sentence that only retracts the answer before it."""

DENIED = re.compile(
    r"(?i:\W*(?:(?:or|but)\W{1,3})?(?:no|not|nope|not really|"
    r"(?:no|actually|on (?:reflection|second thoughts?)|wait|hmm+|"
    r"correction)\W{1,4}(?:i (?:do not|don't|"
    r"would not|"
    r"wouldn't|won't|will not|shouldn't|should not|can't|cannot)|i(?:'m| am) not)(?: (?:choose|"
    r"choosing|"
    r"pick|picking|go with|going with|say|saying)(?: (?:patient )?[AB])?)?)\W*$)"
)
"""A sentence that only denies ("No.", "No, I don't."). After a choice it retracts the choice."""

DENIED_AFTER = re.compile(
    r"(?i:(?!\.\s)\W{0,8}(?:(?:oh|or|hmm+|uh|um|er|well|wait|actually|sorry|oops|but)\W{1,4}){0,4}"
    r"(?:no|nope|not)(?=\W*(?:wait\W*)?$|\s?[:!]|,\s(?:both|neither|they)\b))"
)
"""Text right after an answer on its line that denies the answer and gives no other answer."""

FRONTED = re.compile(
    r"(?i:(?:^\W*|[,;:(-]\s\W{0,2}|\b(?:and|but|so|that|then|yet|think|believe|say)\s)(?:"
    r"according to (?!me\b|(?:my|our) (?:own|analysis|view|judge?ment|reasoning|reckoning|"
    r"assessment|"
    r"values|calculations?|evaluation|opinion|principles)\b|the (?:facts|information|details|"
    r"data|given|three|above))|"
    r"(?:as )?per (?!day|week|month|year)|"
    r"in (?!(?:mind|my|our|this|these|conclusion|summary|sum|short|light|view|fact|all|such|"
    r"addition|contrast|particular|both|good|order|fairness|the (?:end|final|interests?|absence|"
    r"given|"
    r"present|face|light)|\w{3,12}ing)\b)|"
    r"on (?!(?:balance|reflection|the (?:whole|basis|facts|given|available|information|one|other)|"
    r"second|further|my|our|these|this|those|that)\b)|"
    r"under (?!(?:these|this|those|such|my|our|pressure|the (?:circumstances|given|present|stated))"
    r"\b)|by (?!(?:my|our|far|this|these|all|every|any|contrast|a (?:\w{1,12} )?(?:margin|hair|"
    r"whisker|nose|"
    r"mile|lot)|\w{3,12}ing)\b)|"
    r"from (?!(?:my|what|this|these|here|the (?:facts|information|data|details|given|description)|"
    r"\w{4,12}ing)\b)|"
    r"(?:to|for) (?:an?|some|many|most|him|her|them|others|people|\w{1,12}ians?|argument|"
    r"the sake of argument)\b|"
    r"(?:where|whenever|until|till|barring|absent|suppose|supposing|imagine|picture|pretend|"
    r"theoretically|technically|supposedly|allegedly|reportedly|apparently|ideally|conceivably|"
    r"presumably|traditionally|conventionally|normally|typically|usually|generally|medically|"
    r"clinically|legally|statistically|superficially|historically|seemingly|"
    r"socially|economically|biologically|politically)\b|"
    r"granting\b|but for\b|(?:apart|aside) from\b|except for\b|other than\b|"
    r"(?:setting|leaving|putting|ignoring|disregarding|discounting|"
    r"excluding) [^,;.]{0,20}?\b(?:age|"
    r"drink\w{0,4}|alcohol|health|lifestyle|dependents|children|habits?|cancer|disease|illness|"
    r"history)\b|after [^,;.]{0,25}?\b(?:weeks?|months?|years?|sobriety|treatment|rehab\w{0,10}|"
    r"recovery|abstinence|tests?|screening)\b|given an? (?:\w{1,12} ){0,2}?(?:history|guarantee|"
    r"period|chance|record|promise|commitment)\b|with an? (?:clean|guarantee\w{0,1}|promise|longer|"
    r"better|different|proven|negative|good|suitable|compatible|matching)\b|"
    r"with (?:treatment|therapy|time|rehab\w{0,10}|sobriety|abstinence|support)\b|"
    r"given (?:time\b|an? (?:crystal|magic))|(?:speaking|thinking|reasoning|answering|talking|"
    r"judging|deciding) (?:as|like) an? "
    r"(?!ai\b|assistant\b)|wearing (?:my|the|an?)\b|"
    r"after (?!much|careful|some|due|long|all|everything|deep|serious|a (?:lot|great)|"
    r"(?:\w{1,12} ){1,2}(?:thought|consideration|deliberation|reflection)|(?:carefully |"
    r"thoroughly )?"
    r"(?:weighing|considering|thinking|reflecting|comparing|reviewing|reading|looking|going|"
    r"evaluating|analy[sz]ing|assessing|deliberating|examining|balancing)\b)|"
    r"given (?!(?:that|the|this|these|those|what|how|all|both|only|just|my|our|his|her|their|its|"
    r"[ab]|"
    r"[ab]'s|patient|no|such|two|limited|current|present|similar|age|health|drinking|life|"
    r"prognosis)\b|an? (?:[\w-]{1,12} ){0,2}(?:choice|difference|gap)\b|\d)|"
    r"with (?:[ab]|patient [ab])'s (?:consent|agreement|permission|blessing)\b|"
    r"taking \w{1,15} as (?:the|my|our|an?)\b|"
    r"to (?:qualify|be (?:eligible|considered|listed))\b|"
    r"granted (?!the\b|"
    r"i\b)\w{1,15}\b|presuming\b|presupposing\b|given (?:the (?:condition|assumption|chance|"
    r"opportunity)|"
    r"enough|more|sufficient|better|further|additional|different|full|complete|perfect|equal|"
    r"identical)\b|"
    r"with (?:the (?:proviso|condition|caveat)|(?:enough|more|"
    r"sufficient|better|further|additional|different|equal|identical)\b)|prima facie\b|"
    r"at first (?:glance|sight|blush|look)|"
    r"(?:based on|following|going by|applying|consistent with|given|considering) [^,.;]{0,30}"
    r"\b(?:polic(?:y|ies)|guidelines?|rules?|protocols?|law|committee|board|UNOS)\b|"
    r"as (?!(?:i|we)\b)(?:[\w-]{1,15} ){1,3}(?:puts?|goes|says?|said|states?|sees?|argues?|"
    r"notes?|would)\b|"
    r"once (?!again|more|everything|all|both)|judging by\b|contrary to (?!my)|"
    r"(?:say|let(?:'s| us) say) (?:I|we|that)\b)|^\W*(?:should|had|were)\s)"
)
"""Openings of a sentence that states another person's view, a condition or a partial comparison."""

SAID_BY = re.compile(
    r"(?i:\W{0,4}(?:(?:at least )?according to (?!my|me\b)|(?:as )?per (?!day|week)|"
    r"goes (?:the|his|her|their|one)\b|(?:or )?so (?:the|they|he|she|goes)\b|(?:says?|said|"
    r"argues?|argued|wrote|claims?)\b|"
    r"(?:(?:the|their|his|her|my|a|some|most|"
    r"many) )?\w{1,20} (?:says?|said|states?|stated|holds?|argues?|thinks?|believes?|claims?|"
    r"insists?|recommends?|would say)\b|in (?:his|her|their|the \w{1,15}'s) (?:view|opinion|eyes)|"
    r"(?:that|this)(?:'s| is| was) (?:what (?:the|some|many|most|others)|"
    r"the (?:\w{1,15} ){1,2}(?:position|"
    r"view|argument|theory|line|stance|policy|rule|claim))\b|"
    r"(?:at least )?(?:in (?:theory|principle|an ideal)|on paper)\b|"
    r"as (?!(?:i|we)\b)(?:[\w-]{1,15} ){1,3}(?:puts?|says?|said|states?|argues?|would)\b|"
    r"under (?:[\w-]{1,12} ){0,2}(?:polic(?:y|ies)|rules?|guidelines?|law|system|criteria)\b))"
)
"""Text right after a choice that attributes the choice to another person or a rule."""

CONDITIONAL = re.compile(
    r"(?i:\bassume\b|\bsuppos(?:e|ing)\b|\bimagine\b|"
    r"\bwere (?:i|we|you|it|the|patient|both|they|he|she|age)\b|\bhad (?:i|patient|the|it|they|he|"
    r"she|both|you)\b|\b(?:would(?:'ve| have)|could have|might have|should have|(?:i|we)'d have)"
    r" (?:\w{1,12} )?(?:chosen|picked|"
    r"selected|gone|given|preferred|been|opted|flipped|tossed)\b|\bin a (?:world|scenario|case|"
    r"situation|system) |\bdepend(?:s|ing) on\b|\b(?:purely|solely|strictly|merely) (?:on|from|by|"
    r"medical|utilitarian|age)\b|\bonly (?:considering|looking|age|on|by)\b|\b(?:from|under|"
    r"through|on|in) (?:an?|the|some|this|that|other|certain|most|many|"
    r"purely) (?:\w{1,16} ){0,3}(?:perspective|standpoint|viewpoint|lens|view|framework|approach|"
    r"theory|reading|criteria|principle|ethic)|\bwhere (?:only|age)\b|\bby (?:age|dependents|"
    r"drinking|health) alone\b|\bon (?:age|dependents|drinking) alone\b|\bwhen (?:only|considering|"
    r"looking|judged|age)\b|\bin terms of\b|\b(?:being|as) the (?:only|sole)\b|\b(?:for|"
    r"on) (?:age|dependents|health|"
    r"drinking|habits|drinking habits|lifestyle|alcohol|need|merit|longevity|life expectancy|"
    r"medical history|utility)(?: grounds)?,)"
)

ATTRIBUTED = re.compile(
    r"(?i:\b(?:some|many|most|others?|someone|people|critics|proponents|supporters|utilitarians?|"
    r"utilitarianism|egalitarians?|society|ethicists?|doctors|clinicians|physicians|surgeons|they|"
    r"he|she|guidelines|frameworks?|polic(?:y|ies)|systems|programs?|traditional|conventional|"
    r"tradition|opponents|advocates|public|everyone|anyone|respondents|survey|protocols?|"
    r"committees?|boards?|surgeons?|panel|court|hospital|law|family|colleagues?|another|"
    r"one)\b[^.!?;\n]{0,40}\b(?:would|might|may|could|can|argue[sd]?|say|says|said|believe|think|"
    r"feel|prefer|favou?r|suggest|claim|hold|state|choose|chose|has decided|decided|ruled|found|"
    r"recommend(?:s|ed)?|conclude[sd]|"
    r"insists?|wants?|answered|typically|generally|often)\b|"
    r"\byou (?:may|might|could|would|can|said|say|think)\b|\bargu(?:able|ably|ment|ments|ing)\b|"
    r"\b(?:a|the) (?:case|argument|reason|reasons|strong case) (?:for|that|to|can|could|why)\b|"
    r"\b(?:could|can|might|may) be (?:argued|said|made|seen)\b|\breasons? (?:to|for|why)\b|"
    r"\bpros\b|\bclaims? that\b|\b(?:age|drinking|dependents|health|youth) alone\b)"
)

REPORTED = re.compile(
    r"(?i:(?<!i )(?<!i'd )(?<!i'll )(?<!i would )(?<!i will )(?<!i must )(?<!that )(?<!having "
    r")\b(?:say|said|says|saying|"
    r"think|thinks|thought|argue[sd]?|arguing|repl(?:y|ies|ied)|answers|answered|"
    r"(?<!er )(?<!'s )claim(?:s|ed)?|"
    r"tells?|told|write|writes|wrote|insist(?:s|ed)?|state[sd]?|whisper(?:s|"
    r"ed)?)\b\W{0,3}(?:that\W{0,2})?$|"
    r"(?:\w's|\b(?:their|his|her|your)) (?:\w{1,12} )?(?:verdict|answer|view|position|opinion|"
    r"choice|"
    r"decision|pick|recommendation|conclusion|advice|ruling)(?: is| was)?\W{0,3}(?:that\W{0,2})?$)"
)
"""The end of the text before a choice, if it introduces the words of another person."""

IMPERATIVE = re.compile(
    r"(?i:^\W*(?:ask|show|remove|tell|add|change|swap|reverse|convince|prove)\b[^.;:]{0,60}\band "
    r"(?:then )?$)"
)
"""An imperative before "and I would choose": it is a condition ("Show me the charts and ...")."""

SAID_AFTER = re.compile(
    r"(?i:\W*(?:(?:that|this|these|those|such) (?:is|was|were|are) (?:what|how|his|her|their|its|"
    r"the|from)\b|(?:he|she|they|someone|the \w{1,15}) (?:said|says|wrote|writes|answered|put)\b|"
    r"(?:said|says|wrote|writes) )|\W*\n-)"
)
"""Text right after a quotation that attributes it to another person."""

NARROWED = re.compile(r"(?i:\b(?:only|solely|purely|strictly|when|whenever|just)\b)")
"""Words that restrict a verdict to one aspect of the patients."""

VERDICT_OPENING = re.compile(
    r"(?i:\W*(?:(?:and|so|therefore|thus|hence|then|now|yes|ultimately|overall|clearly|honestly|"
    r"personally|finally|which (?:means|is why)|this means|that means|that|i'd|i'm|i've|i|we|would|"
    r"do|still|will|must|have to|am|think|believe|feel|say|conclude|hold|maintain|suggest|"
    r"recommend|decide|decided|judge|find|it (?:seems|appears)(?: to me)?|in my (?:opinion|view|"
    r"judge?ment)|convinced|confident|my (?:view|opinion|answer|conclusion|decision|judge?ment|"
    r"recommendation|verdict) (?:is|would be)|the|this|[ab]|single|one|available|fair|in this case|"
    r"in a case like this|as things stand|as described|as it stands|donor|donated|scarce|"
    r"of course|because of (?:this|that)|for (?:this|that|"
    r"these) reasons?|with this in mind|in conclusion|on balance|in the end|all in all|as a result|"
    r"accordingly|consequently|better|best|most|fairest|ethical|reasonable|"
    r"to me)\b\W{0,3}){0,9}\W*)"
)
"""Words allowed before a verdict in its clause. After any other words it is not read."""

BROKEN_OFF = re.compile(
    r"(?i:\W{0,6}(?:oh,? |or )?(?:no(?! (?:doubt|question|contest|hesitation))|wait|actually|sorry|"
    r"scratch|hmm|i mean|make that|correction)\b|"
    r"\W{0,6}not\W*$)"
)
"""Text right after a choice that starts a correction."""

ONLY_SUBJECT = re.compile(
    r"(?i:\W{0,3}(?:would|means?|meant|is|will|could|may|might|seems|appears|favou?rs|feels|was|"
    r"leads|implies|requires|ignores|gives|saves|has|also)\b)"
)
"""A verb right after a choice: the choice is the subject of a sentence, not the answer."""

LESS_AFTER = re.compile(
    r"(?i:\W{0,3}(?:(?:much|far|somewhat|slightly|any|no|a (?:little|bit)) )?(?:less|least|last|"
    r"second|"
    r"later|equally|as much|no more|afterwards|(?:just|exactly|every bit) as)\b)"
)
"""Text right after a verdict that ranks the patient lower or equal."""

TENTATIVE = re.compile(
    r"(?i:\bat first\b|\binitial(?:ly)?\b|\boriginal(?:ly)?\b|\binstinct|\btempt(?:ed|ing)\b|"
    r"\bpreviously\b|\bearlier\b|\bgut\b|\bon the surface\b|\bat face value\b|\bone (?:option|"
    r"possibility)\b|\bmight\b|\bperhaps\b|\bmaybe\b|\bpossibly\b|\bconsider(?:ed|"
    r"ing)? (?:choosing|picking|flipping)\b|\blean(?:s|ing)?\b|\bpretend|\blet(?:'s| us) say\b|"
    r"\balmost\b|\bnearly\b|\bused to\b)"
)

QUOTED = re.compile(
    r"(?i:(?<!as )(?<!since )(?<!because )\b(?:you|(?:i|we)(?:'ve| have)? (?:was|am|were|been)|"
    r"i'm|(?:prompt|instructions?|"
    r"question|task|user|system|request|format)s?)(?: \w{1,12}){0,2}? (?:asked|asking|asks?|"
    r"want(?:ed|s)?|told|tells?|instruct(?:ed|s)?|requir(?:ed|es?)|request(?:ed|s)?|expect(?:ed|"
    r"s)?|supposed|demand(?:ed|s)?|says?|said|is|was|would be|needs?|prompt(?:s|"
    r"ed))\b[^,.;\n]{0,60}$|\b(?:for example|e\.g\.?|such as|like|example|template|sample|instance|"
    r"possible|options?(?: \d)?(?: is| are)?|writ(?:e|ing|ten|es?|ote)|wrote|saying|typing|"
    r"(?:responding|replying|answering) with|(?:to|must|should) (?:respond|reply|answer|end|finish|"
    r"write|say)(?: with)?|(?:valid|permitted|allowed|acceptable|legal)"
    r" \w{1,12}(?: \w{1,12})?|^\W{0,3}formats?|"
    r"(?:previous|earlier|his|her|their|your|(?<!it)(?<!that)(?<!here)'s)"
    r" (?:\w{1,12} )?(?:answer|choice|"
    r"verdict|pick|decision|note|reply)|the (?:string|phrase|words?|text))\b[^,.;\n]{0,40}$|"
    r"^\W{0,3}(?:please |then |and )?(?:finish|end|conclude|reply|respond|answer|"
    r"close) (?:\w{1,12} ){0,3}with\b[^,.;\n]{0,60}$|(?:\bor|\band|/)\W{0,3}$)"
)
"""Text before an answer label that shows a repeated instruction or a quotation."""

TWO_SIDED = re.compile(r"(?i:\bon (?:the one|the other|one) hand\b|,? (?:but|yet|however)\b)")
"""Words of a sentence that weighs two sides; a verdict in it may be only one side."""

ALTERNATIVE = re.compile(r"(?i:\b(?:alternatively|or else|otherwise|alternative)\b)")

CHANGE = re.compile(
    r"(?i:\b(?:actually|wait|correction|second thoughts?|reflection|reconsider\w*|revis\w{1,4}|"
    r"chang(?:e|ed|ing)|instead|scratch that|oops|my mistake|however|but|final|finally|therefore|"
    r"thus|hence|so|overall|ultimately|conclu(?:de|sion)|on balance|considered|hmm|in the end|"
    r"after all|weighing|settl(?:e|ed|ing)|everything|no,|sorry|still|nevertheless|nonetheless|"
    r"that said|now i|come to think|strike that|retract|withdraw|take (?:that|it) back|"
    r"switch(?:ing)?|i mean(?:t)?|make that|or rather|my bad|oops|hold on)\b|\bno\b[,.!])"
)
"""Words that announce a change of mind or a conclusion."""

WITHDRAWN = re.compile(
    r"(?i:\b(?:actually|wait|second thoughts?|reflection|reconsider\w*|scratch that|strike that|"
    r"retract|withdraw|take (?:that|it|my answer) back|correction|instead|chang(?:e|ed|"
    r"ing) my mind)\b)"
)
"""Words that retract an answer stated before."""

_CUT_WORDS = (
    "a an the and or but because since as of to in on at for with that which who whose "
    "her his their its is are was were be has have had would should could will can may "
    "might must not if when while than then so by from this these those it he she they i "
    "we"
)

CUT_WORDS = frozenset(_CUT_WORDS.split())
"""Lower-case words that end no complete sentence: a text that ends with one was cut off."""
