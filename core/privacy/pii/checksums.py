"""Check digits of cards, bank accounts and national ids."""

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_LUHN_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_IBAN_DIGITS = {chr(code): str(code - 55) for code in range(65, 91)}


def luhn_holds(digits: str) -> bool:
    """Return True if the last digit is the Luhn check digit of those before it."""
    total = sum(map(int, digits[-1::-2])) + sum(_LUHN_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return total % 10 == 0


def iban_holds(account: str) -> bool:
    """Return True if an upper-case IBAN without spaces passes ISO 7064 mod 97-10."""
    turned = account[4:] + account[:4]
    return int("".join(_IBAN_DIGITS.get(sign, sign) for sign in turned)) % 97 == 1


def dni_holds(number: str, letter: str) -> bool:
    """Return True if the letter of a Spanish DNI or NIE (X, Y, Z already replaced) is right."""
    return _DNI_LETTERS[int(number) % 23] == letter.upper()


def cpf_holds(digits: str) -> bool:
    """Return True if both check digits of a Brazilian CPF are right (one repeated digit is not a CPF)."""
    if len(set(digits)) == 1:
        return False
    for length in (9, 10):
        weighted = zip(digits[:length], range(length + 1, 1, -1), strict=True)
        if sum(int(digit) * weight for digit, weight in weighted) * 10 % 11 % 10 != int(digits[length]):
            return False
    return True


def steuer_id_holds(digits: str) -> bool:
    """Return True if a German tax id has its prescribed repetition and ISO 7064 mod 11,10 check digit."""
    front = digits[:10]
    if digits[0] == "0" or len(set(front)) not in (8, 9):
        return False
    product = 10
    for digit in front:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def nir_holds(number: str, key: str) -> bool:
    """Return True if the key of a French NIR is right. Corsica's 2A and 2B count as 19 and 18."""
    plain = number.upper().replace("2A", "19").replace("2B", "18")
    return plain.isdigit() and 97 - int(plain) % 97 == int(key)
