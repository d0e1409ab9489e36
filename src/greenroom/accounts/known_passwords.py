"""What common long passwords are made of. Checked offline; nothing leaves the machine.

With 15 characters required, the leaked lists shrink to a few families: a famous word or
phrase, perhaps twice, filled up with digits; keyboard rows; song lines. So this names the
building blocks instead of a million passwords, and `model.password_refusal` weighs what is
left of a password without them. Written lower-case and without spaces or punctuation.
Chosen by hand: the words that leaked passwords are known to repeat, in a few languages.
"""

WORDS = frozenset(
    """
    password passwort passwd contrasena motdepasse senha parola heslo wachtwoord salasana
    letmein welcome willkommen bienvenue admin administrator root superuser default changeme
    secret geheim master login hello hallo access trustno iloveyou ilovethis loveyou mylove
    qwerty qwertz azerty qwertyuiop asdfghjkl zxcvbnm asdfgh zxcvbn qazwsx qazwsxedc wsxedc
    1qaz2wsx 1qaz2wsx3edc 3edc4rfv 1q2w3e4r 1q2w3e4r5t 1q2w3e q1w2e3r4 zaq12wsx zaq1 abc123
    a1b2c3d4 1a2b3c4d asdf1234 qwer1234 p4ssw0rd pa55word passw0rd p455w0rd pass1234
    football baseball basketball soccer hockey liverpool chelsea arsenal barcelona juventus
    superman batman spiderman starwars pokemon naruto minecraft fortnite dragon monkey tigger
    princess sunshine flower butterfly shadow killer ninja samsung google facebook linkedin
    michael jennifer jordan jessica charlie thomas daniel ashley andrew matthew nicole
    mustang ferrari porsche computer internet freedom whatever blessed jesuschrist
    summer winter spring autumn january february august september october november december
    monday sunday friday company interview recruiting recruiter hiring greenroom
    correcthorsebatterystaple correct horse battery staple
    thequickbrownfox thequickbrownfoxjumpsoverthelazydog loremipsum loremipsumdolorsitamet
    tobeornottobe tobeornottobethatisthequestion maytheforcebewithyou opensesame
    neverguessthis youllneverguess youcantguessthis thisismypassword mypassword
    thisisapassword thisisasecret whatisthepassword ihatepasswords ilovemyfamily
    nevergonnagiveyouup happybirthday happybirthdaytoyou onceuponatime helloworld
    godisgood jesuslovesme ilovejesus inthebeginning
    """.split()  # noqa: SIM905  (as a list it would fill a screen)
)
"""Each counts for nothing wherever it stands in a password."""
