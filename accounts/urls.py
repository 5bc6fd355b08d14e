"""Routes of sign-in; the second factor's pages are allauth's, in our templates."""

from allauth.account import views as allauth_views
from django.urls import include, path

from accounts.members.views import invitation, picture
from accounts.sign_in import reset_views, views

urlpatterns = [
    path("account/tenant/", views.switch_tenant, name="switch_tenant"),
    path("account/mail/", views.mail_preference, name="mail_preference"),
    path("account/login/", views.sign_in, name="account_login"),
    path("account/logout/", allauth_views.logout, name="account_logout"),
    path("account/reauthenticate/", allauth_views.reauthenticate, name="account_reauthenticate"),
    path("account/password/", allauth_views.password_change, name="account_change_password"),
    path("account/reset/", reset_views.forgot_password, name="forgot_password"),
    path("r/<str:token>/", reset_views.new_password, name="new_password"),
    path("v/<str:token>/", views.confirm_address, name="confirm_address"),
    path("i/<str:token>/", invitation, name="invitation"),
    path("pictures/<str:key>/", picture, name="member_picture"),
    path("account/2fa/", include("allauth.mfa.urls")),
    path(".well-known/jwks.json", views.token_keys, name="token_keys"),
]
