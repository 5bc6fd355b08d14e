"""What a chat does for its visitors: take and serve their files, and keep who they say they are."""

from conversations.contacts.contacts import has_contact
from conversations.contacts.visitors import introduce_visitor
from conversations.messages.attachments import read_own_file
from conversations.messages.downloads import download, picture_of
from conversations.messages.files.rules import FROM_VISITORS, MB, CheckedFile, FileRules, Upload, checked_files
from conversations.replies.wait_notice import tell_usual_answer
