"""What the leads of the sample data write, and what they are called. Pure."""

CLIENTS = ("acme", "birch-studio", "cobalt", "dune")

NAMES = (
    "Ada Novak",
    "Bruno Keller",
    "Chiara Rossi",
    "Dmitri Orlov",
    "Élodie Martin",
    "Farid Haddad",
    "Grace O'Neill",
    "Hanna Öberg",
    "Ines Carvalho",
    "Jun Tanaka",
    "Kofi Mensah",
    "Lucía Peña",
)

PHRASES = (
    "Sounds good, please send me the details.",
    "How much is it for a team of twelve?",
    "Not interested, thank you.",
    "Who gave you my address?",
    "I'm interested. Can we schedule a call next week?",
    "Please remove me from your list.",
    "We already use another tool, but in Q1 we look again.",
    "Could you set up a demo? You reach me at +44 20 7946 0958.",
    "Thanks, I have passed it on to my colleague.",
    "Das klingt gut, ich bin interessiert. Was würde es kosten?",
    "Don't unsubscribe me, I only want fewer mails.",
    "Kein Interesse, danke.",
    "What is your pricing? The budget is fixed until next month.",
    "Je suis intéressé, pouvez-vous m'en dire plus ?",
    "I will come back to you after the fair.",
    "Stop emailing me.",
    "Let's talk. My calendar is open on Thursday.",
)

SMS = (
    "Yes, call me after 5",
    "STOP",
    "Who is this?",
    "How much? 🙂",
    "ok thx",
    "Unsubscribe",
    "I am interested, more info please",
    "not interested",
    "",
    "Can't talk now, next week is better",
    "stop by our office on Friday",
)
